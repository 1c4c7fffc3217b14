"""Classic BPF as the kernel runs it, on a packet whose ethertype is known (networking/filter.rst)."""

from __future__ import annotations

from rawshake.net.bpf import ETHERTYPE, HARDWARE_TYPE, KIND, Op, Program


def run(program: Program, packet: bytes, ethertype: int, *, kind: int = 0, hardware: int = 1) -> int:
    """How many octets pass; a load beyond the packet ends the program with 0, as in the kernel.

    ``kind`` is as in sll_pkttype, ``hardware`` the interface's type (ARPHRD_ETHER is 1).
    """
    a = x = at = 0
    memory: dict[int, int] = {}

    def load(offset: int, octets: int) -> int:
        if offset in (ETHERTYPE, KIND, HARDWARE_TYPE):
            return {ETHERTYPE: ethertype, KIND: kind, HARDWARE_TYPE: hardware}[offset]
        if offset + octets > len(packet):
            raise IndexError
        return int.from_bytes(packet[offset : offset + octets], "big")

    try:
        for _ in range(len(program)):  # jumps only go forward
            line = program[at]
            at += 1
            match line.code:
                case Op.LD_WORD:
                    a = load(line.k, 4)
                case Op.LD_HALF:
                    a = load(line.k, 2)
                case Op.LD_BYTE:
                    a = load(line.k, 1)
                case Op.LD_WORD_X:
                    a = load(x + line.k, 4)
                case Op.LD_HALF_X:
                    a = load(x + line.k, 2)
                case Op.LD_BYTE_X:
                    a = load(x + line.k, 1)
                case Op.LDX_HEADER:
                    x = 4 * (load(line.k, 1) & 0x0F)
                case Op.LDX:
                    x = line.k
                case Op.LDX_LENGTH:
                    x = len(packet)
                case Op.STORE:
                    memory[line.k] = a
                case Op.STORE_X:
                    memory[line.k] = x
                case Op.LD_STORED:
                    a = memory[line.k]
                case Op.LDX_STORED:
                    x = memory[line.k]
                case Op.AND:
                    a &= line.k
                case Op.SHIFT_LEFT:
                    a = a << line.k & 0xFFFFFFFF
                case Op.ADD:
                    a = a + line.k & 0xFFFFFFFF
                case Op.ADD_X:
                    a = a + x & 0xFFFFFFFF
                case Op.TAX:
                    x = a
                case Op.TXA:
                    a = x
                case Op.JUMP:
                    at += line.k
                case Op.EQUAL:
                    at += line.jt if a == line.k else line.jf
                case Op.AT_LEAST:
                    at += line.jt if a >= line.k else line.jf
                case Op.MORE_THAN_X:
                    at += line.jt if a > x else line.jf
                case Op.ANY_BIT:
                    at += line.jt if a & line.k else line.jf
                case Op.RETURN:
                    return line.k
                case code:
                    raise AssertionError(f"no such instruction: {code:#x}")
    except IndexError:
        return 0
    raise AssertionError("the program has no end")
