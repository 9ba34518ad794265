// SPDX-License-Identifier: Apache-2.0
//
// What it costs to bring one value of each kind to its normal form, over inputs as lists have them.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "leadcore/normalize.h"

namespace leadcore {
namespace {

constexpr auto kTexts = std::to_array<std::string_view>(
    {"Regional VP of Sales", "  two  spaces ", "Zoë Müller-Lüdenscheidt", "東京都", "Straße 5"});
constexpr auto kEmails = std::to_array<std::string_view>(
    {"ann.miller@example.com", "Grace.Hopper+news@Gmail.com", "info@bäckerei.example.de",
     "\"Ann Miller\" <ann@mail.example.co.uk>", "jan.van.der.berg@subsidiary.example.nl"});
constexpr auto kPhones = std::to_array<std::string_view>(
    {"(415) 555-2671", "+44 20 7946 0958", "0049 (0) 30 901820", "+33 1 42 68 53 00 ext. 12",
     "415.555.2671 x99", "+81-3-1234-5678"});
constexpr auto kNames = std::to_array<std::string_view>(
    {"Ada Lovelace", "DR. JAN VAN DER BERG jr", "O'Brien, Patrick", "maria del carmen garcía",
     "Jean-Luc Picard", "Ms. Grace B. Hopper, PhD"});
constexpr auto kCompanies = std::to_array<std::string_view>(
    {"Analytical Engines Inc.", "Müller & Söhne GmbH & Co. KG", "The Widget Company, LLC",
     "ACME CORP", "Société Générale S.A."});
constexpr auto kSites = std::to_array<std::string_view>(
    {"https://www.Shop.example.co.uk:443/x?y", "example.com", "www.example.com.au",
     "http://xn--bcher-kva.example/", "sub.domain.example.org"});
constexpr auto kCountries = std::to_array<std::string_view>(
    {"US", "United States of America", "Deutschland", "u.k.", "FRA", "Viet Nam"});
constexpr auto kRegions =
    std::to_array<std::string_view>({"California", "calif.", "NY", "texas", "Wash"});
constexpr auto kPostalCodes =
    std::to_array<std::string_view>({"94105", "94105-1234", "2134", "10001", " 60601 "});

template <size_t N, typename Normalize>
void Run(benchmark::State& state, const std::array<std::string_view, N>& inputs,
         Normalize normalize) {
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(normalize(inputs[at]));
    if (++at == N) at = 0;
  }
  state.SetItemsProcessed(state.iterations());
}

void Text(benchmark::State& state) { Run(state, kTexts, NormalizeText); }
void Fold(benchmark::State& state) { Run(state, kTexts, FoldText); }
void Email(benchmark::State& state) {
  const EmailLists lists;
  Run(state, kEmails, [&](std::string_view text) { return NormalizeEmail(text, lists); });
}
void Phone(benchmark::State& state) {
  Run(state, kPhones, [](std::string_view text) { return NormalizePhone(text, "US"); });
}
void Name(benchmark::State& state) { Run(state, kNames, NormalizePersonName); }
void Company(benchmark::State& state) { Run(state, kCompanies, NormalizeCompany); }
void Domain(benchmark::State& state) { Run(state, kSites, RegistrableDomain); }
void Country(benchmark::State& state) { Run(state, kCountries, NormalizeCountry); }
void Region(benchmark::State& state) {
  Run(state, kRegions, [](std::string_view text) { return NormalizeRegion(text, "US"); });
}
void PostalCode(benchmark::State& state) {
  Run(state, kPostalCodes, [](std::string_view text) { return NormalizePostalCode(text, "US"); });
}

BENCHMARK(Text);
BENCHMARK(Fold);
BENCHMARK(Email);
BENCHMARK(Phone);
BENCHMARK(Name);
BENCHMARK(Company);
BENCHMARK(Domain);
BENCHMARK(Country);
BENCHMARK(Region);
BENCHMARK(PostalCode);

}  // namespace
}  // namespace leadcore
