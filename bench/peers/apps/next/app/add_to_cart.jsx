"use client";

import { useState } from "react";

export function AddToCart({ id }) {
  const [added, setAdded] = useState(0);
  return (
    <button type="button" data-id={id} onClick={() => setAdded(added + 1)}>
      {added === 0 ? "Put into the cart" : `${added} in the cart`}
    </button>
  );
}
