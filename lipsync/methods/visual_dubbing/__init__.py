"""Visual dubbing through a 3D face (Chen & Xiong, Acta Electronica Sinica 53(10), 2025)."""
