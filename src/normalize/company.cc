// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/normalize.h"
#include "normalize/unicode.h"
#include "text.h"

namespace leadcore {
namespace {

#include "normalize/legal_forms.inc"

constexpr size_t kLongestForm = 5;  // words

constexpr auto kSortedForms = [] {
  std::array<LegalForm, std::size(kLegalForms)> forms{};
  std::ranges::copy(kLegalForms, forms.begin());
  std::ranges::sort(forms, {}, &LegalForm::folded);
  return forms;
}();

// One folded word of a name and the text between spaces that it comes from.
struct Word {
  std::string folded;
  std::string_view written;
};

std::vector<Word> WordsOf(std::string_view name) {
  std::vector<Word> words;
  while (!name.empty()) {
    const size_t end = std::min(name.find(' '), name.size());
    const std::string_view written = name.substr(0, end);
    std::string spelled;
    for (const char c : written) {
      if (c == '&') {
        spelled += " and ";
      } else {
        spelled.push_back(c);
      }
    }
    const std::string folded = FoldText(spelled);
    for (std::string_view rest = folded; !rest.empty();) {
      const size_t stop = std::min(rest.find(' '), rest.size());
      words.push_back({std::string(rest.substr(0, stop)), written});
      rest.remove_prefix(std::min(stop + 1, rest.size()));
    }
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return words;
}

std::string Join(std::span<const Word> words) {
  std::string out;
  for (const Word& word : words) {
    if (!out.empty()) out += ' ';
    out += word.folded;
  }
  return out;
}

std::string_view FindForm(std::string_view folded) {
  const auto* at = std::ranges::lower_bound(kSortedForms, folded, {}, &LegalForm::folded);
  return at != kSortedForms.end() && at->folded == folded ? at->shown : std::string_view();
}

// Written as only a legal form is: "SPA", "S.p.A.", "SpA", "A/S".
bool LooksLikeForm(std::string_view written) {
  if (written.find_first_of("./") != written.npos) return true;
  const std::u32string points = Decode(written);
  return points.size() > 1 && std::any_of(points.begin() + 1, points.end(), IsUpper);
}

struct Match {
  size_t words = 0;
  std::string_view shown;
};

// The longest legal form that `words` end with.
Match FindAtEnd(std::span<const Word> words) {
  const std::string last = Join(words.last(std::min(kLongestForm, words.size())));
  size_t from = 0;  // in `last`
  for (size_t count = std::min(kLongestForm, words.size()); count > 0; --count) {
    const std::span<const Word> tail = words.last(count);
    const std::string_view folded = std::string_view(last).substr(from);
    from += tail.front().folded.size() + 1;
    const std::string_view shown = FindForm(folded);
    if (shown.empty()) continue;
    const bool is_word = std::ranges::find(kAlsoWords, folded) != std::end(kAlsoWords);
    if (!is_word || LooksLikeForm(tail.front().written)) return {count, shown};
  }
  return {};
}

// Takes the legal forms off the end of `words`, never all of them; returns them as written.
std::string TakeForms(std::vector<Word>* words) {
  std::string shown;
  while (true) {
    const Match match = FindAtEnd(*words);
    if (match.words == 0 || match.words == words->size()) return shown;
    shown = shown.empty() ? std::string(match.shown) : Cat(match.shown, " ", shown);
    words->resize(words->size() - match.words);
    while (words->size() > 1 && words->back().folded == "and") words->pop_back();
  }
}

std::string TakePrefix(std::vector<Word>* words) {
  if (words->size() < 2) return {};
  const auto* at = std::ranges::find(kLegalPrefixes, words->front().folded, &LegalForm::folded);
  if (at == std::end(kLegalPrefixes) || !LooksLikeForm(words->front().written)) return {};
  words->erase(words->begin());
  return std::string(at->shown);
}

void DropArticle(std::vector<Word>* words) {
  while (words->size() > 1 && words->front().folded == "the") words->erase(words->begin());
}

bool IsJoinedForm(std::string_view word) {
  return std::ranges::find(kJoinedForms, word) != std::end(kJoinedForms) ||
         std::ranges::find(kShortJoinedForms, word) != std::end(kShortJoinedForms);
}

// Takes one form off the start or the end of a word that holds more; returns it.
std::string TakeJoined(std::string* word) {
  for (const std::string_view form : kJoinedForms) {
    if (word->size() <= form.size()) continue;
    if (word->starts_with(form)) {
      word->erase(0, form.size());
      return std::string(form);
    }
    if (word->ends_with(form)) {
      word->resize(word->size() - form.size());
      return std::string(form);
    }
  }
  return {};
}

// Takes the Chinese, Japanese and Korean forms off both ends; returns the first.
std::string TakeJoinedForms(std::vector<Word>* words) {
  std::string first;
  while (!words->empty()) {
    std::string taken;
    for (const size_t at : {size_t{0}, words->size() - 1}) {
      if (!taken.empty()) break;
      std::string& word = (*words)[at].folded;
      if (words->size() > 1 && IsJoinedForm(word)) {
        taken = word;
        words->erase(words->begin() + static_cast<std::ptrdiff_t>(at));
      } else {
        taken = TakeJoined(&word);
      }
    }
    if (taken.empty()) break;
    if (first.empty()) first = taken;
  }
  return first;
}

}  // namespace

absl::StatusOr<CompanyName> NormalizeCompany(std::string_view text) {
  CompanyName company;
  company.name = NormalizeText(text);
  if (company.name.empty()) return InvalidArgument("the company name is empty");
  const std::string folded = FoldText(company.name);
  if (folded.empty()) {
    return InvalidArgument("no letter or digit in it, so it is no company name");
  }
  if (IsPlaceholder(folded)) {
    return InvalidArgument("'", company.name, "' stands for no company");
  }
  std::vector<Word> words = WordsOf(company.name);
  // Until nothing is left to take: one form may hide another ("Foo株式会社 Ltd").
  const bool joined = !IsAscii(folded);  // all forms that are written so are not
  company.core = Join(words);
  std::string before;
  do {
    before = std::move(company.core);
    DropArticle(&words);  // first: of "The Limited", the form is the name
    for (const std::string& form : {joined ? TakeJoinedForms(&words) : std::string(),
                                    TakeForms(&words), TakePrefix(&words)}) {
      if (company.legal_form.empty()) company.legal_form = form;
    }
    company.core = Join(words);
  } while (company.core != before);
  return company;
}

}  // namespace leadcore
