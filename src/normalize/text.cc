// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/normalize.h"
#include "normalize/unicode.h"

namespace leadcore {
namespace {

// Controls that people never see: C0, C1, the byte order mark, and the direction marks that come
// with text copied from address books.
bool IsDroppedControl(char32_t point) {
  if (point < 0xa0) return point < 0x20 || point >= 0x7f;
  return point == 0xfeff || point == 0x200e || point == 0x200f || point == 0x061c ||
         (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

// Text that every rule leaves as it is: printable ASCII with single inner spaces.
bool IsPlain(std::string_view text) {
  char before = ' ';
  for (const char c : text) {
    if (c < ' ' || c > '~' || (c == ' ' && before == ' ')) return false;
    before = c;
  }
  return before != ' ' || text.empty();
}

// Letters that carry a stroke or are two in one, which no decomposition takes apart.
std::string_view PlainLetter(char32_t point) {
  switch (point) {
    case U'ø':
      return "o";
    case U'ł':
      return "l";
    case U'đ':
    case U'ð':
      return "d";
    case U'ħ':
      return "h";
    case U'ŧ':
      return "t";
    case U'ı':
      return "i";
    case U'æ':
      return "ae";
    case U'œ':
      return "oe";
    case U'þ':
      return "th";
    default:
      return {};
  }
}

// Marks that are accents or optional points. Others (vowel signs of Indic scripts, kana voicing)
// make another letter and stay.
bool IsAccent(char32_t point) {
  constexpr std::array<std::array<char32_t, 2>, 9> kRanges = {{{0x0300, 0x036f},
                                                               {0x0483, 0x0487},
                                                               {0x0591, 0x05c7},
                                                               {0x0610, 0x061a},
                                                               {0x064b, 0x065f},
                                                               {0x1ab0, 0x1aff},
                                                               {0x1dc0, 0x1dff},
                                                               {0x20d0, 0x20ff},
                                                               {0xfe20, 0xfe2f}}};
  return std::ranges::any_of(kRanges,
                             [point](const auto& r) { return point >= r[0] && point <= r[1]; });
}

bool IsApostrophe(char32_t point) {
  return point == '\'' || point == '`' || point == 0xb4 || (point >= 0x2b9 && point <= 0x2bf) ||
         (point >= 0x2018 && point <= 0x201b) || point == 0x2032 || point == 0xff07;
}

enum class Class { kLetter, kOther, kGap, kDrop };  // kGap separates words

Class Classify(char32_t point) {
  if (point < 0x80) {
    if (IsAsciiLetter(point)) return Class::kLetter;
    if (IsAsciiDigit(point)) return Class::kOther;
    return point < ' ' && !IsUnicodeSpace(point) ? Class::kDrop : Class::kGap;
  }
  if (IsUnicodeSpace(point)) return Class::kGap;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(point))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return Class::kLetter;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
      return Class::kGap;
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
      return Class::kDrop;
    default:
      return Class::kOther;
  }
}

// NFKD and case folding, each accent dropped. Apostrophes vanish before: one of them decomposes
// into a space, which would split "O´Brien".
std::u32string Decomposed(std::string_view text) {
  std::u32string points = Decode(text);
  std::erase_if(points, IsApostrophe);
  const std::string bytes = Encode(points);
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |
                                                      UTF8PROC_COMPAT | UTF8PROC_CASEFOLD);
  const auto* data = reinterpret_cast<const utf8proc_uint8_t*>(bytes.data());
  const auto size = static_cast<utf8proc_ssize_t>(bytes.size());
  std::vector<utf8proc_int32_t> buffer(points.size() * 4 + 16);
  utf8proc_ssize_t count = utf8proc_decompose(
      data, size, buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()), options);
  if (count > static_cast<utf8proc_ssize_t>(buffer.size())) {
    buffer.resize(static_cast<size_t>(count));
    count = utf8proc_decompose(data, size, buffer.data(), count, options);
  }
  std::u32string out;
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    const auto point = static_cast<char32_t>(buffer[static_cast<size_t>(i)]);
    if (IsAccent(point) || IsApostrophe(point)) continue;
    const std::string_view plain = PlainLetter(point);
    if (plain.empty()) {
      out.push_back(point);
    } else {
      out.append(plain.begin(), plain.end());
    }
  }
  return out;
}

// True when the full stop at `at` ends a letter of an abbreviation such as "U.S.A." or "S.p.A.":
// it then joins its neighbours, while any other parts two words.
template <typename Text>
bool JoinsInitials(const Text& points, size_t at) {
  const auto is_letter = [&](size_t i) {
    return i < points.size() && Classify(static_cast<char32_t>(points[i])) == Class::kLetter;
  };
  const bool single = at > 0 && is_letter(at - 1) && (at == 1 || !is_letter(at - 2));
  return single && (!is_letter(at + 1) || !is_letter(at + 2));
}

std::u32string Squeezed(std::u32string_view points) {
  std::u32string out;
  out.reserve(points.size());
  bool gap = false;
  for (size_t i = 0; i < points.size(); ++i) {
    const Class kind = Classify(points[i]);
    if (kind == Class::kDrop || (points[i] == '.' && JoinsInitials(points, i))) continue;
    if (kind == Class::kGap) {
      gap = true;
      continue;
    }
    if (gap && !out.empty()) out.push_back(' ');
    gap = false;
    out.push_back(points[i]);
  }
  return out;
}

// What Squeezed makes of each ASCII character after case folding; 0: a gap, 1: nothing, 2: a full
// stop, which depends on its neighbours.
constexpr std::array<char, 128> kFoldedAscii = [] {
  std::array<char, 128> folded = {};
  for (size_t c = 0; c < folded.size(); ++c) {
    const auto letter = static_cast<char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool space = c >= 9 && c <= 13;
    if (plain) folded[c] = letter;
    if (c >= 'A' && c <= 'Z') folded[c] = static_cast<char>(letter + ('a' - 'A'));
    if ((c < ' ' && !space) || c == '\'' || c == '`') folded[c] = 1;
  }
  folded['.'] = 2;
  return folded;
}();

// FoldText of most texts; false: it needs more.
bool FoldPlain(std::string_view text, std::string* out) {
  out->reserve(text.size());
  bool gap = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80) return false;
    char folded = kFoldedAscii[byte];
    if (folded == 2) {
      // Neighbours count without the apostrophes between.
      if (text.find_first_of("'`") != text.npos) return false;
      folded = JoinsInitials(text, i) ? 1 : 0;
    }
    if (folded == 1) continue;
    if (folded == 0) {
      gap = true;
      continue;
    }
    if (gap && !out->empty()) out->push_back(' ');
    gap = false;
    out->push_back(folded);
  }
  return true;
}

}  // namespace

std::string NormalizeText(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  bool space = false;
  bool composed = true;  // NFC already: nothing below U+0300 combines
  for (const char32_t point : Decode(text)) {
    if (IsUnicodeSpace(point)) {
      space = !out.empty();
      continue;
    }
    if (IsDroppedControl(point)) continue;
    if (space) out.push_back(' ');
    space = false;
    composed = composed && point < 0x300;
    AppendPoint(&out, point);
  }
  if (composed) return out;
  utf8proc_uint8_t* nfc = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(out.c_str()));
  if (nfc == nullptr) return out;
  out = reinterpret_cast<const char*>(nfc);
  std::free(nfc);
  return out;
}

std::string FoldText(std::string_view text) {
  std::string folded_plainly;
  if (FoldPlain(text, &folded_plainly)) return folded_plainly;
  if (IsAscii(text)) {
    std::u32string points;
    points.reserve(text.size());
    for (const char c : text) {
      if (!IsApostrophe(static_cast<unsigned char>(c))) {
        points.push_back(static_cast<unsigned char>(AsciiLower(c)));
      }
    }
    return Encode(Squeezed(points));
  }
  std::u32string folded = Squeezed(Decomposed(text));
  static_assert(sizeof(char32_t) == sizeof(utf8proc_int32_t));
  const utf8proc_ssize_t size =
      utf8proc_normalize_utf32(reinterpret_cast<utf8proc_int32_t*>(folded.data()),
                               static_cast<utf8proc_ssize_t>(folded.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size >= 0) folded.resize(static_cast<size_t>(size));
  return Encode(folded);
}

bool IsValidUtf8(std::string_view text) {
  return IsUtf8(text) && text.find('\0') == std::string_view::npos;
}

}  // namespace leadcore
