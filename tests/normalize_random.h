// SPDX-License-Identifier: Apache-2.0
//
// Random text for the tests of the normal forms: pieces of a kind's own vocabulary among letters of
// many scripts, odd spaces, controls and bytes that are no UTF-8.
#ifndef LEADCORE_TESTS_NORMALIZE_RANDOM_H_
#define LEADCORE_TESTS_NORMALIZE_RANDOM_H_

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "test_util.h"

namespace leadcore::testing {

class RandomText {
 public:
  explicit RandomText(std::span<const std::string_view> words) : words_(words) {}

  // Up to eight pieces.
  std::string Next() {
    std::string text;
    const size_t pieces = Below(9);
    for (size_t i = 0; i < pieces; ++i) {
      if (i > 0 && Below(3) != 0) text += ' ';
      const size_t kind = Below(12);
      text += kind < 8 ? Cased(words_[Below(words_.size())]) : kind < 11 ? Odd() : Byte();
    }
    return text;
  }

  size_t Below(size_t limit) { return random_() % limit; }

 private:
  std::string Cased(std::string_view word) {
    std::string text(word);
    const size_t how = Below(4);
    for (char& c : text) {
      if (how == 0 && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
      if (how == 1 && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    return text;
  }

  std::string Byte() { return std::string(1, static_cast<char>(Below(256))); }

  std::string Odd() {
    static constexpr std::string_view kOdd[] = {
        "\u00a0", "\u200b", "\ufeff", "\u202a", "\u0301", "e\u0301", "ß",  "İ",   "ı",  "ﬁ",  "Ǆ",
        "ǅ",      "σ",      "Σ",      "ͅ",       "ά",      "漢字",    "ガ", "ｶﾞ",  "한", "ᄒ", "Ａ",
        "。",     "´",      "’",      "-",      ".",      "…",       "&",  "/",   "(",  ")",  "'",
        "\"",     ",",      "\t",     "\n",     "🙂",     "ﬀ",       "Å",  "क्षि", "ที่",  "℻",  "½",
    };
    return std::string(kOdd[Below(std::size(kOdd))]);
  }

  std::span<const std::string_view> words_;
  std::mt19937_64 random_{Seed()};
};

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_NORMALIZE_RANDOM_H_
