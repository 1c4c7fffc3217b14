"""How captures are written: formats, link layers, fragments, filters; octets in, IP packets out."""
