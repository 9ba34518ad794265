#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes phone_table.inc from the metadata of libphonenumber.

  pip download --no-deps phonenumbers==8.12.57
  PYTHONPATH=phonenumbers-8.12.57-py2.py3-none-any.whl python3 make_phone_table.py > phone_table.inc

The release has to be that of the libphonenumber that phone_oracle_test links (Debian 12: 8.12.57).
The metadata's regular expressions know only digits; each becomes a short program for the matcher in
phone_pattern.cc. Words of 16 bits:

  0x0ccc          one digit of class ccc (bit d: digit d)
  0x1ccc 0xnnmm   n to m digits of class ccc, as many as can be
  0x2000 off      go on here; if that fails, at `off` (from the start of the program)
  0x3000 off      go on at `off`
  0x400g          note the place: start of group g/2 when even, its end when odd
  0x5000          done
  0x6000          only at the end of the number
"""
import re._parser as parser
import re._constants as c
import sys

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

TYPES = ["premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan",
         "voicemail", "fixed_line", "mobile"]


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


def emit(nodes, out):
    for node in nodes:
        op, arg = node
        mask = class_of(node)
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
            branches = arg[1]
            for i, branch in enumerate(branches):
                last = i + 1 == len(branches)
                if not last:
                    out.append(0x2000)
                    out.append(0)
                    split = len(out) - 1
                emit(branch, out)
                if not last:
                    out.append(0x3000)
                    out.append(0)
                    ends.append(len(out) - 1)
                    out[split] = len(out)
            for end in ends:
                out[end] = len(out)
        elif op is c.MAX_REPEAT:
            low, high, inner = arg
            inner = list(inner)
            single = class_of(inner[0]) if len(inner) == 1 else None
            high = min(int(high), 20)
            if single is not None:
                out.append(0x1000 | single)
                out.append(low << 8 | high)
                continue
            for _ in range(low):
                emit(inner, out)
            skips = []
            for _ in range(high - low):
                out.append(0x2000)
                out.append(0)
                skips.append(len(out) - 1)
                emit(inner, out)
            for skip in skips:
                out[skip] = len(out)
        elif op is c.AT and arg is c.AT_END:
            out.append(0x6000)
        else:
            raise ValueError(node)


class Table:
    def __init__(self):
        self.words = [0x5000]  # program 0 takes the empty text; no pattern is written as 0
        self.known = {}
        self.rules = [""]

    def program(self, pattern):
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

    def rule(self, text):
        """`$1` forms of a transform rule; Python's metadata writes \\1."""
        text = (text or "").replace("\\", "$")
        if text not in self.rules:
            self.rules.append(text)
        return self.rules.index(text)


def mask(lengths):
    return sum(1 << n for n in lengths or () if n >= 0)


def wrap(items, per_line=12):
    lines = []
    for i in range(0, len(items), per_line):
        lines.append("    " + ", ".join(str(x) for x in items[i:i + per_line]) + ",")
    return "\n".join(lines)


def main():
    table = Table()
    descs = []
    regions = []
    countries = []
    for code in sorted(COUNTRY_CODE_TO_REGION_CODE):
        first = len(regions)
        for name in COUNTRY_CODE_TO_REGION_CODE[code]:
            if name == "001":
                m = PhoneMetadata.metadata_for_nongeo_region(code)
            else:
                m = PhoneMetadata.metadata_for_region(name)
            start = len(descs)
            for kind in ["general_desc"] + TYPES:
                d = getattr(m, kind)
                if d is None or not d.national_number_pattern:
                    if kind == "general_desc":
                        raise ValueError(name)
                    continue
                row = (table.program(d.national_number_pattern), mask(d.possible_length),
                       mask(d.possible_length_local_only))
                descs.append(row)
            regions.append('{"%s", %d, %d, %d, %d, %d, %d, %d}' % (
                name, code, table.program(m.international_prefix),
                table.program(m.national_prefix_for_parsing),
                table.rule(m.national_prefix_transform_rule), table.program(m.leading_digits),
                start, len(descs) - start))
        countries.append("{%d, %d, %d}" % (code, first, len(regions) - first))
    print("// SPDX-License-Identifier: Apache-2.0")
    print("// Made by make_phone_table.py from the metadata of libphonenumber %s (Apache-2.0)."
          % phonenumbers.__version__)
    print("// clang-format off")
    print('constexpr std::string_view kRelease = "%s";' % phonenumbers.__version__)
    print("constexpr uint16_t kPrograms[] = {\n%s\n};" % wrap(table.words, 16))
    print("constexpr std::string_view kRules[] = {\n%s\n};"
          % wrap(['"%s"' % r for r in table.rules], 8))
    print("constexpr Desc kDescs[] = {\n%s\n};" % wrap(["{%d, %d, %d}" % d for d in descs], 6))
    print("constexpr Region kRegions[] = {\n%s\n};" % wrap(regions, 2))
    print("constexpr Country kCountries[] = {\n%s\n};" % wrap(countries, 8))
    print("// clang-format on")
    print(len(table.words), "words", len(descs), "descriptions", len(regions), "regions",
          file=sys.stderr)


main()
