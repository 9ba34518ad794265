// SPDX-License-Identifier: Apache-2.0
#include "csv/encoding.h"

#include <algorithm>
#include <utility>

namespace leadcore {
namespace {

constexpr char32_t kReplacement = 0xfffd;

// Windows-1252 from 0x80 to 0x9f; all other bytes are the code point of the same number.
constexpr char16_t kWindows1252[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178};

void AppendCodePoint(char32_t code, std::string* out) {
  const auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
  };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | (code >> 12)));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xf0 | (code >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::optional<CsvEncoding> CsvEncodingFromName(std::string_view name) {
  std::string folded;
  for (const char c : name) {
    if (c == '-' || c == '_' || c == ' ') continue;
    folded.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  constexpr std::pair<std::string_view, CsvEncoding> kNames[] = {
      {"detect", CsvEncoding::kDetect},
      {"auto", CsvEncoding::kDetect},
      {"utf8", CsvEncoding::kUtf8},
      {"utf8bom", CsvEncoding::kUtf8},
      {"utf16le", CsvEncoding::kUtf16Le},
      {"utf16be", CsvEncoding::kUtf16Be},
      {"utf16", CsvEncoding::kDetect},
      {"windows1252", CsvEncoding::kWindows1252},
      {"cp1252", CsvEncoding::kWindows1252},
      {"latin1", CsvEncoding::kWindows1252},
      {"iso88591", CsvEncoding::kWindows1252},
      {"ansi", CsvEncoding::kWindows1252},
      {"ascii", CsvEncoding::kUtf8},
      {"usascii", CsvEncoding::kUtf8},
  };
  for (const auto& [known, encoding] : kNames) {
    if (known == folded) return encoding;
  }
  return std::nullopt;
}

namespace csv_internal {

Detected DetectEncoding(std::string_view start) {
  if (start.starts_with(kUtf8Mark)) return {CsvEncoding::kUtf8, kUtf8Mark.size()};
  if (start.starts_with("\xff\xfe")) return {CsvEncoding::kUtf16Le, 2};
  if (start.starts_with("\xfe\xff")) return {CsvEncoding::kUtf16Be, 2};
  const size_t pairs = std::min<size_t>(start.size(), 1024) / 2;
  size_t first = 0;   // pairs whose first byte alone is NUL
  size_t second = 0;  // pairs whose second byte alone is NUL
  for (size_t i = 0; i < pairs; ++i) {
    const bool a = start[2 * i] == '\0';
    const bool b = start[2 * i + 1] == '\0';
    first += a && !b;
    second += b && !a;
  }
  // Delimiters and line ends are ASCII in every script, so at least a few pairs have a NUL; text
  // that is not UTF-16 has none, or has them in either place.
  const size_t enough = std::max<size_t>(2, pairs / 4);
  if (second >= enough && first == 0) return {CsvEncoding::kUtf16Le, 0};
  if (first >= enough && second == 0) return {CsvEncoding::kUtf16Be, 0};
  return {};
}

std::string FromWindows1252(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    AppendCodePoint(byte >= 0x80 && byte < 0xa0 ? kWindows1252[byte - 0x80] : byte, &out);
  }
  return out;
}

void Utf16Decoder::Append(std::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    const int byte = static_cast<unsigned char>(c);
    if (odd_byte_ < 0) {
      odd_byte_ = byte;
      continue;
    }
    AppendUnit(static_cast<char32_t>(big_endian_ ? odd_byte_ << 8 | byte : byte << 8 | odd_byte_),
               out);
    odd_byte_ = -1;
  }
}

void Utf16Decoder::AppendUnit(char32_t unit, std::string* out) {
  const bool low = unit >= 0xdc00 && unit < 0xe000;
  if (high_ != 0) {
    const char32_t high = std::exchange(high_, 0);
    if (low) {
      AppendCodePoint(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00), out);
      return;
    }
    AppendCodePoint(kReplacement, out);
  }
  if (unit >= 0xd800 && unit < 0xdc00) {
    high_ = unit;
  } else {
    AppendCodePoint(low ? kReplacement : unit, out);
  }
}

void Utf16Decoder::Finish(std::string* out) {
  if (high_ != 0 || odd_byte_ >= 0) AppendCodePoint(kReplacement, out);
  high_ = 0;
  odd_byte_ = -1;
}

}  // namespace csv_internal
}  // namespace leadcore
