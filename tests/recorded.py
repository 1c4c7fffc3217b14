"""What each capture of tests/captures/recorded shows, read packet by packet by hand."""

from __future__ import annotations

from typing import Final, NamedTuple


class Side(NamedTuple):
    """One end: its ISN if its SYN was captured, octets of its stream, its FIN, the number of its RSTs."""

    isn: int | None
    octets: int
    fin: str = ""
    resets: int = 0


class Shown(NamedTuple):
    """A connection: ports, frames, how it opened and ended and by whom; both sides; what is sent again; findings."""

    ports: str
    frames: str
    opened: str
    ended: str
    client: Side
    server: Side
    again: str = ""
    findings: tuple[str, ...] = ()


ACKED, UNACKED = "acked", "not acked"

#: The POP3 server that refuses sends three RSTs to three SYNs; the others close first.
POP3 = [
    Shown("26242 110", "1-6", "refused", "reset server", Side(3145310914, 0), Side(None, 0, "", 3), "2 SYN"),
    Shown("26245 110", "7-12", "refused", "reset server", Side(2210944814, 0), Side(None, 0, "", 3), "2 SYN"),
    Shown(
        "26272 110",
        "13-24",
        "complete",
        "closed server",
        Side(3085338888, 12, ACKED),
        Side(4294484924, 175, ACKED),
    ),
    Shown(
        "26284 110",
        "25-42",
        "complete",
        "closed server",
        Side(3198861406, 86, ACKED),
        Side(2878246233, 205, ACKED),
        "1 SYN",
    ),
    Shown(
        "26304 110",
        "43-54",
        "complete",
        "closed server",
        Side(3068590223, 12, ACKED),
        Side(3639128203, 175, ACKED),
    ),
    Shown(
        "26308 110",
        "55-73",
        "complete",
        "closed server",
        Side(4012658760, 96, ACKED),
        Side(1812910438, 297, ACKED),
    ),
    Shown(
        "26383 110",
        "74-125",
        "complete",
        "closed server",
        Side(182499597, 138, ACKED),
        Side(1529665578, 19651, ACKED),
    ),
]

LOOPBACK = [
    Shown(
        "53584 35729",
        "1-46",
        "complete",
        "closed server",
        Side(145836789, 412, ACKED),
        Side(2851699715, 58606, ACKED),
        findings=("initial-window-bounded NOTE server 10",),
    ),
    Shown("53585 9867", "13-14", "refused", "reset server", Side(1499200472, 0), Side(None, 0, "", 1)),
    Shown(
        "53586 9867",
        "15-85",
        "complete",
        "closed server",
        Side(1181029075, 2905, ACKED),
        Side(3355813098, 831, ACKED),
    ),
    Shown(
        "53587 35729",
        "29-82",
        "complete",
        "reset client",
        Side(4136670234, 825, ACKED, 1),
        Side(2632628570, 454),
    ),
    Shown("53588 9867", "51-52", "refused", "reset server", Side(3340259611, 0), Side(None, 0, "", 1)),
    Shown(
        "53589 9867",
        "53-86",
        "complete",
        "closed server",
        Side(4148413954, 1107, ACKED),
        Side(1853307809, 512, ACKED),
    ),
]

#: The same ISN at both ends again, on another port: one of the two was rewritten.
AJP = [
    Shown("38856 8009", "1-19", "complete", "open", Side(1925569327, 1056), Side(2476748472, 241)),
    Shown("38856 8010", "20-38", "complete", "open", Side(1925569327, 1056), Side(2476748472, 241)),
]

FLOW = [
    Shown("5678 9999", frames, "complete", "closed client", Side(client, 28, ACKED), Side(server, 0, ACKED))
    for frames, client, server in (
        ("1-8", 4208283782, 1352205121),
        ("9-16", 3118125201, 275416128),
        ("17-24", 1888701660, 3312463020),
    )
]

SHOWN: Final[dict[str, list[Shown]]] = {
    "brimcap_loopback.pcap": LOOPBACK,
    "bruteshark_POP3.pcap": POP3,
    # All times are the same, so that the second RST, octet for octet the first, is taken for a copy.
    "gopacket_test300.pcapng": [
        Shown(
            "46920 443",
            "1-32",
            "complete",
            "reset client",
            Side(3137687444, 780, ACKED, 2),
            Side(1819632213, 8252, UNACKED),
            "2 data",
        ),
    ],
    "libpcap_geneve.pcap": [
        Shown("51225 22", "3-10", "complete", "open", Side(397610159, 813), Side(2910871522, 39))
    ],
    "libpcap_shb-option-too-long.pcapng": [],
    "ndpi_BGP_Cisco_hdlc_slarp.pcap": [
        Shown("18324 179", "1-14", "complete", "open", Side(3169482193, 76), Side(425317247, 269)),
    ],
    "ndpi_ajp.pcap": AJP,
    "ndpi_dns2tcp_tunnel.pcap": [
        Shown(
            "44404 443",
            "1-50",
            "complete",
            "open",
            Side(1894485790, 1343),
            Side(3927213889, 4713),
            findings=("nagle-coalesces NOTE client 41",),
        ),
    ],
    "ndpi_hls.pcapng": [
        Shown(
            "41644 8080",
            "1-13",
            "complete",
            "closed server",
            Side(3780796735, 148, ACKED),
            Side(2011920363, 323, ACKED),
        ),
    ],
    # The client's half of one and the server's half of another: no ACK of a FIN was captured.
    "ndpi_http_asymmetric.pcapng": [
        Shown(
            "1044 80",
            "1-22",
            "incomplete",
            "half-closed client",
            Side(858612759, 1052, UNACKED),
            Side(None, 0),
        ),
        Shown(
            "1044 80",
            "2-23",
            "midstream",
            "half-closed server",
            Side(None, 0),
            Side(4015379904, 7613, UNACKED),
        ),
    ],
    "ndpi_radmin3.pcapng": [
        Shown(
            "49736 4899",
            "1-11",
            "complete",
            "closed by both",
            Side(2284618296, 10, ACKED),
            Side(1452436037, 46, ACKED),
            "1 FIN",
        ),
        Shown("49739 4899", "12-17", "complete", "open", Side(2248218045, 14), Side(1266104926, 14)),
    ],
    "ndpi_tls_port_80.pcapng": [
        Shown(
            "50541 80",
            "1-13",
            "complete",
            "open",
            Side(2217740234, 245),
            Side(2314955024, 1360),
            "3 SYN, 6 SYN,ACK",
        ),
    ],
    "packetnet_80211_qos_data_frame_ipv4_tcp.pcap": [
        Shown("5555 54036", "1-1", "midstream", "open", Side(None, 1371), Side(None, 0)),
    ],
    # The last ACK is missing.
    "packetnet_ipv6_http.pcap": [
        Shown(
            "59201 80",
            "1-10",
            "complete",
            "closed server",
            Side(2883376736, 240, UNACKED),
            Side(21656478, 2259, ACKED),
        ),
    ],
    "pcapplusplus_many_interfaces-1.pcapng": [
        Shown(
            "50981 443",
            "24-53",
            "complete",
            "open",
            Side(734932618, 1969),
            Side(1129612080, 860),
            findings=("nagle-coalesces NOTE client 34",),
        ),
        Shown("50982 443", "52-56", "complete", "open", Side(2433367640, 216), Side(2231525365, 0)),
    ],
    "pcapplusplus_nanosecs_big_endian.pcap": [
        Shown(
            "43030 8000",
            "1-10",
            "complete",
            "half-closed server",
            Side(1593692744, 78),
            Side(3239046832, 1444, UNACKED),
        ),
    ],
    "pcapplusplus_one_http_stream_fin.pcap": [
        Shown(
            "49486 80",
            "1-15",
            "complete",
            "closed server",
            Side(4007155348, 367, ACKED),
            Side(2448902872, 3549, ACKED),
        ),
    ],
    # Both RSTs come from the end that sent the FIN.
    "pcapplusplus_one_tcp_stream_fin_rst_close_packet.pcap": [
        Shown(
            "43766 3306",
            "1-13",
            "complete",
            "reset client",
            Side(731770038, 235, ACKED, 2),
            Side(2139895015, 78),
        ),
    ],
    # Sequence numbers were moved to the wrap when the capture was edited, and the SACK blocks left as they were.
    "pcapplusplus_one_tcp_stream_max_seq.pcap": [
        Shown(
            "61541 80",
            "1-36",
            "complete",
            "open",
            Side(4294964795, 9948),
            Side(4294965695, 12444),
            "3 data",
            ("sack-blocks-sane WARN server 9",),
        ),
    ],
    # The end of a connection: who speaks first counts as the client.
    "pcapplusplus_sll2.pcap": [
        Shown(
            "443 57292",
            "1-3",
            "midstream",
            "half-closed client",
            Side(None, 31, UNACKED),
            Side(None, 0),
            "1 FIN",
        ),
    ],
    "scapy_http_head.pcapng.gz": [
        Shown(
            "38560 80",
            "1-10",
            "complete",
            "closed client",
            Side(4005761480, 75, ACKED),
            Side(3911017846, 554, ACKED),
        ),
    ],
    "tcpflow_flow_test.pcap": FLOW,
    # A SYN whose ACK flag was forgotten; or two that crossed, of which no SYN,ACK was captured.
    "trex_no_tcp_syn_ack.pcap": [
        Shown(
            "13311 80",
            "1-3",
            "incomplete",
            "open",
            Side(1426968605, 0),
            Side(1427012318, 0),
            findings=("synack-form NOTE server 2",),
        ),
    ],
    "trex_tcp2_http_drop_loop_c.pcap": [
        Shown(
            "1025 80",
            "1-58",
            "complete",
            "closed client",
            Side(303174162, 249, ACKED),
            Side(555819297, 32768, ACKED),
            "1 SYN, 1 SYN,ACK, 4 FIN, 1 data",
        ),
    ],
    "trex_tcp2_http_rst_c.pcap": [
        Shown(
            "1025 80",
            "1-18",
            "incomplete",
            "open",
            Side(303174162, 0, "", 6),
            Side(1118481, 0),
            "5 SYN, 5 SYN,ACK",
            ("synack-ack-is-isn-plus-1 FAIL server 2",),
        ),
    ],
    "trex_tcp2_http_vlan_c.pcap": [
        Shown(
            "1025 80",
            "1-34",
            "complete",
            "closed client",
            Side(303174162, 249, ACKED),
            Side(555819297, 32768, ACKED),
        ),
    ],
    "trex_tcp2_http_wrong_port_c.pcap": [
        Shown("1025 80", "1-2", "refused", "reset server", Side(303174162, 0), Side(None, 0, "", 1)),
    ],
}
#: What no table shows line by line: the flood, the fragments, and what was fuzzed.
OTHERS: Final = {"trex_syn_attack.pcap", "pcapplusplus_frag_http_req.pcap", "ndpi_fuzz-2006-09-29-28586.pcap"}
