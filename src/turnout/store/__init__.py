"""The store: where events and questions meet. One seam (`engine`), two engines behind it."""
