"""3D face models: reading, fitting and drawing them."""
