"""The edge to Linux: the only package that opens sockets, files and processes, or imports Scapy."""
