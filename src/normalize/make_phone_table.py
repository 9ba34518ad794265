#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes phone_table.inc from the metadata of libphonenumber.

  pip download --no-deps phonenumbers==8.12.57
  PYTHONPATH=phonenumbers-8.12.57-py2.py3-none-any.whl python3 make_phone_table.py > phone_table.inc

The release has to be that of the libphonenumber that phone_oracle_test links (Debian 12: 8.12.57).
The metadata's regular expressions know only digits, and only so many of them. Those that say yes or
no become one acyclic automaton, kNodes: a row for each node, the next node for each digit, 0 where
no number goes on, kAccepts added where one may end. Nodes with equal rows are one node, over all
countries. Those that say where a prefix ends, and what it captures, become short programs that
phone.cc runs with backtracking, kPrograms; words of 16 bits:

  0x0ccc          one digit of class ccc (bit d: digit d)
  0x1ccc 0xnnmm   n to m digits of class ccc, as many as can be
  0x2000 off      go on here; if that fails, at `off` (from the start of the program)
  0x3000 off      go on at `off`
  0x400g          note the place: start of group g/2 when even, its end when odd
  0x5000          done
  0x6000          only at the end of the number
"""
import re._constants as c
import re._parser as parser
import sys

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

TYPES = ["premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan",
         "voicemail", "fixed_line", "mobile"]
ACCEPTS = 0x8000
LONGEST_REPEAT = 20


def digits(low, high):
    mask = 0
    for d in range(10):
        if low <= ord("0") + d <= high:
            mask |= 1 << d
    return mask


def class_of(node):
    """The digits that a one-character node takes, or None."""
    op, arg = node
    if op is c.LITERAL:
        return digits(arg, arg)
    if op is c.IN:
        mask = 0
        for kind, value in arg:
            if kind is c.LITERAL:
                mask |= digits(value, value)
            elif kind is c.RANGE:
                mask |= digits(*value)
            elif kind is c.CATEGORY and value is c.CATEGORY_DIGIT:
                mask |= 0x3FF
            else:
                raise ValueError(node)
        return mask
    return None


class States:
    """Patterns as a nondeterministic automaton: steps over digits, and free moves."""

    def __init__(self):
        self.free = []
        self.step = []
        self.start = self.new()

    def new(self):
        self.free.append([])
        self.step.append(None)
        return len(self.free) - 1

    def branch(self, at):
        state = self.new()
        self.free[at].append(state)
        return state

    def add(self, nodes, at):
        """Appends a pattern to state `at`; the state where it ends."""
        for op, arg in nodes:
            mask = class_of((op, arg))
            if mask is not None:
                state = self.new()
                self.step[at] = (mask, state)
                at = state
            elif op is c.SUBPATTERN:
                at = self.add(arg[3], at)
            elif op is c.BRANCH:
                end = self.new()
                for way in arg[1]:
                    self.free[self.add(way, self.branch(at))].append(end)
                at = end
            elif op is c.MAX_REPEAT:
                low, high, inner = arg
                if int(high) > LONGEST_REPEAT:
                    raise ValueError("without end: %s" % inner)
                for _ in range(low):
                    at = self.add(inner, at)
                end = self.new()
                for _ in range(high - low):
                    self.free[at].append(end)
                    at = self.add(inner, self.branch(at))
                self.free[at].append(end)
                at = end
            else:
                raise ValueError((op, arg))
        return at

    def closure(self, states):
        seen = set()
        todo = list(states)
        while todo:
            state = todo.pop()
            if state not in seen:
                seen.add(state)
                todo.extend(self.free[state])
        return frozenset(seen)


class Nodes:
    def __init__(self):
        self.rows = [(0,) * 10]
        self.known = {self.rows[0]: 0}

    def build(self, patterns, accepts, prefix=False):
        """The node to start from. `accepts(found, length)`: a number of `length` digits that the
        patterns numbered `found` take is right. With `prefix`, what follows it is not looked at."""
        states = States()
        ends = {}
        for i, pattern in enumerate(patterns):
            ends[states.add(parser.parse(pattern), states.branch(states.start))] = i
        made = {}

        def edge(here, length):
            if not here:
                return 0
            if (here, length) not in made:
                found = {ends[s] for s in here if s in ends}
                right = bool(found) and accepts(found, length)
                row = [0] * 10
                for d in range(0 if right and prefix else 10):
                    after = [states.step[s][1] for s in here
                             if states.step[s] and states.step[s][0] >> d & 1]
                    row[d] = edge(states.closure(after), length + 1)
                row = tuple(row[d] if d < len(row) else 0 for d in range(10))
                if row not in self.known:
                    self.known[row] = len(self.rows)
                    self.rows.append(row)
                made[here, length] = self.known[row] | (ACCEPTS if right else 0)
            return made[here, length]

        return edge(states.closure([states.start]), 0) & ~ACCEPTS

    def general(self, metadata):
        return self.build([metadata.general_desc.national_number_pattern], lambda *_: True)

    def valid(self, metadata):
        """The number is right by the general description and by that of a type."""
        descs = [metadata.general_desc] + [getattr(metadata, kind) for kind in TYPES]
        descs = [d for d in descs if d is not None and d.national_number_pattern]

        def accepts(found, length):
            found = {i for i in found if length in (descs[i].possible_length or (length,))}
            return 0 in found and len(found) > 1

        return self.build([d.national_number_pattern for d in descs], accepts)

    def leading(self, metadata):
        if not metadata.leading_digits:
            return 0
        return self.build([metadata.leading_digits], lambda *_: True, prefix=True)


def emit(nodes, out):
    """Appends the program of a prefix to `out`."""
    for op, arg in nodes:
        mask = class_of((op, arg))
        if mask is not None:
            out.append(mask)
        elif op is c.SUBPATTERN:
            group, _, _, inner = arg
            if group is not None:
                out.append(0x4000 | 2 * group)
            emit(inner, out)
            if group is not None:
                out.append(0x4000 | 2 * group + 1)
        elif op is c.BRANCH:
            ends = []
            for way in arg[1][:-1]:
                out.extend((0x2000, 0))
                split = len(out) - 1
                emit(way, out)
                out.extend((0x3000, 0))
                ends.append(len(out) - 1)
                out[split] = len(out)
            emit(arg[1][-1], out)
            for end in ends:
                out[end] = len(out)
        elif op is c.MAX_REPEAT:
            low, high, inner = arg
            single = class_of(inner[0]) if len(inner) == 1 else None
            high = min(int(high), LONGEST_REPEAT)
            if single is not None:
                out.extend((0x1000 | single, low << 8 | high))
                continue
            for _ in range(low):
                emit(inner, out)
            skips = []
            for _ in range(high - low):
                out.extend((0x2000, 0))
                skips.append(len(out) - 1)
                emit(inner, out)
            for skip in skips:
                out[skip] = len(out)
        elif op is c.AT and arg is c.AT_END:
            out.append(0x6000)
        else:
            raise ValueError((op, arg))


class Programs:
    def __init__(self):
        self.words = [0x5000]  # no program starts at 0
        self.known = {}

    def add(self, pattern):
        if not pattern:
            return 0
        out = []
        emit(parser.parse(pattern), out)
        out.append(0x5000)
        key = tuple(out)
        if key not in self.known:
            self.known[key] = len(self.words)
            self.words.extend(out)
        return self.known[key]


def capture(metadata):
    """The group that has to hold something before the transform rule is used."""
    if not metadata.national_prefix_transform_rule:
        return 0
    return min(2, parser.parse(metadata.national_prefix_for_parsing).state.groups - 1)


def lengths(values):
    return sum(1 << n for n in values or () if n >= 0)


def wrap(items, per_line):
    return "\n".join("    " + ", ".join(str(x) for x in items[i:i + per_line]) + ","
                     for i in range(0, len(items), per_line))


def main():
    nodes, programs, rules = Nodes(), Programs(), [""]
    regions, countries = [], []
    for code, names in sorted(COUNTRY_CODE_TO_REGION_CODE.items()):
        countries.append("{%d, %d, %d}" % (code, len(regions), len(names)))
        for name in names:
            m = (PhoneMetadata.metadata_for_nongeo_region(code) if name == "001" else
                 PhoneMetadata.metadata_for_region(name))
            rule = (m.national_prefix_transform_rule or "").replace("\\", "$")
            if rule not in rules:
                rules.append(rule)
            regions.append('{"%s", %d, %d, %d, %d, %d, %d, %d, %d, %d, %d}' % (
                name, code, programs.add(m.international_prefix),
                programs.add(m.national_prefix_for_parsing), rules.index(rule), capture(m),
                nodes.leading(m), nodes.general(m), nodes.valid(m),
                lengths(m.general_desc.possible_length),
                lengths(m.general_desc.possible_length_local_only)))
    print("// SPDX-License-Identifier: Apache-2.0")
    print("// Made by make_phone_table.py from the metadata of libphonenumber %s (Apache-2.0)."
          % phonenumbers.__version__)
    print("// clang-format off")
    print('constexpr std::string_view kRelease = "%s";' % phonenumbers.__version__)
    print("constexpr uint16_t kNodes[][10] = {\n%s\n};"
          % wrap(["{%s}" % ",".join(map(str, row)) for row in nodes.rows], 2))
    print("constexpr uint16_t kPrograms[] = {\n%s\n};" % wrap(programs.words, 16))
    print("constexpr std::string_view kRules[] = {\n%s\n};"
          % wrap(['"%s"' % r for r in rules], 8))
    print("constexpr Region kRegions[] = {\n%s\n};" % wrap(regions, 2))
    print("constexpr Country kCountries[] = {\n%s\n};" % wrap(countries, 8))
    print("// clang-format on")
    print(len(nodes.rows), "nodes,", len(programs.words), "words,", len(regions), "regions",
          file=sys.stderr)


main()
