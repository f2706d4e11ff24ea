import { AddToCart } from "./add_to_cart.jsx";

const WORDS = "plain solid oak linen copper round small warm".split(" ");

const money = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "EUR",
});

/** The page of `?products=N`, of one without it. Who reads the query is rendered for each request. */
export default async function Page({ searchParams }) {
  const count = Number((await searchParams).products ?? 1);
  return products(count).map((product) => (
    <Product key={product.id} product={product} />
  ));
}

function Product({ product }) {
  const { id, name, cents, stars, tags } = product;
  return (
    <article id={`product-${id}`} className={stars > 3 ? "card liked" : "card"}>
      <h2>
        <a href={`/product/${id}`}>{name}</a>
      </h2>
      <img src={`/image/${id}.avif`} alt={name} loading="lazy" />
      <span className="price" title={`${cents} cents`}>
        {money.format(cents / 100)}
      </span>
      <span className="stars" aria-label={`${stars} of 5 stars`}>
        {"★".repeat(stars)}
      </span>
      <ul className="tags">
        {tags.map((tag) => (
          <li key={tag}>
            <a href={`#${tag}`}>{tag}</a>
          </li>
        ))}
      </ul>
      <AddToCart id={id} />
    </article>
  );
}

function products(count) {
  return Array.from({ length: count }, (_, id) => ({
    id,
    name: `A ${WORDS[id % 8]} <${WORDS[(id >> 3) % 8]}> thing & more`,
    cents: 199 + (id * 7919) % 10_000,
    stars: 1 + id % 5,
    tags: [0, 1, 2].map((offset) => WORDS[(id * 3 + offset) % 8]),
  }));
}
