"""Tries to leave: says for each address what came of it, as JSON; then who it is, and what names lead to."""

import json
import os
import socket


def reach(family, kind, address):
    with socket.socket(family, kind) as one:
        one.settimeout(3)
        try:
            one.connect(address)
        except OSError as error:
            return error.strerror or str(error)
    return "connected"


said = {}
for name in ("1.1.1.1", "10.1.2.3", "172.17.0.1", "192.0.2.1", "169.254.169.254"):
    said[f"{name} tcp"] = reach(socket.AF_INET, socket.SOCK_STREAM, (name, 443))
    said[f"{name} udp"] = reach(socket.AF_INET, socket.SOCK_DGRAM, (name, 53))
said["2606:4700::1111 tcp"] = reach(socket.AF_INET6, socket.SOCK_STREAM, ("2606:4700::1111", 443))
try:
    socket.getaddrinfo("example.com", 443)
    name = "resolved"
except OSError:
    name = "no such name"
interfaces = [name for _, name in socket.if_nameindex()]
inside = {port: reach(socket.AF_INET, socket.SOCK_STREAM, ("api.binance.com", port)) for port in (443, 9443, 80)}
uid = os.getuid()
print(json.dumps({"out": said, "name": name, "interfaces": interfaces, "inside": inside, "uid": uid}))
