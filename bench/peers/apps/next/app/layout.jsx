export const metadata = { title: "Things" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <header>
          <h1>Things</h1>
        </header>
        <main>{children}</main>
      </body>
    </html>
  );
}
