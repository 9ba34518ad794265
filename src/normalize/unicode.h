// SPDX-License-Identifier: Apache-2.0
//
// What the normal forms share: code points, their classes and cases, and host names.
#ifndef LEADCORE_SRC_NORMALIZE_UNICODE_H_
#define LEADCORE_SRC_NORMALIZE_UNICODE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace leadcore {

inline bool IsAsciiDigit(char32_t c) { return c >= '0' && c <= '9'; }
inline bool IsAsciiUpper(char32_t c) { return c >= 'A' && c <= 'Z'; }
inline bool IsAsciiLetter(char32_t c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
inline bool IsAsciiAlnum(char32_t c) { return IsAsciiDigit(c) || IsAsciiLetter(c); }
inline char AsciiLower(char c) {
  return IsAsciiUpper(static_cast<unsigned char>(c)) ? static_cast<char>(c + ('a' - 'A')) : c;
}
inline char AsciiUpper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
}
std::string AsciiLower(std::string_view text);
bool IsAscii(std::string_view text);

// The code points of any text; bytes that are no UTF-8 become U+FFFD.
std::u32string Decode(std::string_view text);
void AppendPoint(std::string* out, char32_t point);
std::string Encode(std::u32string_view points);

// White_Space of Unicode, and the zero-width space.
bool IsUnicodeSpace(char32_t point);
// Controls and format characters: they have no shape of their own.
bool IsInvisible(char32_t point);
bool IsLetter(char32_t point);
bool IsUpper(char32_t point);
bool IsLower(char32_t point);
char32_t Lower(char32_t point);
char32_t Title(char32_t point);

// Full-width forms, ligatures and the like made plain (NFKC), nothing else changed.
std::string Compatible(std::string_view text);
// NFKC and full case folding, with accents and punctuation kept.
std::string CaseFold(std::string_view text);

// The words of folded text that stand for "nothing known": "n a", "none", "unknown" …
bool IsPlaceholder(std::string_view folded);

// A host name in lower-case A-labels, each of letters, digits and hyphens; fails with the reason in
// words. IP addresses are host names here. `underscores`: allowed in labels, as in real host names.
absl::StatusOr<std::string> HostToAscii(std::string_view host, bool underscores);

// The registrable domain of a host in lower-case A-labels; empty when it has none.
std::string_view RegistrablePart(const std::string& host);

}  // namespace leadcore

#endif  // LEADCORE_SRC_NORMALIZE_UNICODE_H_
