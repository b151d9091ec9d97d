"""What raters and authors reach over the network: sessions of raters, login, limits, backup."""
