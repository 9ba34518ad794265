// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "leadcore/normalize.h"
#include "normalize_random.h"
#include "test_util.h"
#include "text.h"

namespace leadcore {
namespace {

using testing::RandomText;

struct CompanyCase {
  std::string_view text, core, legal_form;
};

constexpr CompanyCase kCompanies[] = {
    {"Acme", "acme", ""},
    {"The Acme Widgets, Inc.", "acme widgets", "Inc."},
    {"ACME WIDGETS INCORPORATED", "acme widgets", "Inc."},
    {"Acme L.L.C.", "acme", "LLC"},
    {"Acme Corporation", "acme", "Corp."},
    {"Acme Ltd", "acme", "Ltd"},
    {"Acme P.L.C.", "acme", "PLC"},
    {"Müller GmbH & Co. KG", "muller", "GmbH & Co. KG"},
    {"Müller GmbH und Partner", "muller gmbh und partner", ""},
    {"Siemens AG", "siemens", "AG"},
    {"Airbus SE", "airbus", "SE"},
    {"Danone S.A.", "danone", "S.A."},
    {"Dupont S.A.S.", "dupont", "S.A.S."},
    {"Dupont S.à r.l.", "dupont", "SARL"},
    {"Terme S.p.A.", "terme", "S.p.A."},
    {"TERME SPA", "terme", "S.p.A."},
    {"Beauty Spa", "beauty spa", ""},
    {"Rossi S.r.l.", "rossi", "S.r.l."},
    {"Jansen B.V.", "jansen", "B.V."},
    {"Jansen N.V.", "jansen", "N.V."},
    {"Volvo AB", "volvo", "AB"},
    {"AB Volvo", "volvo", "AB"},
    {"Equinor AS", "equinor", "AS"},
    {"Novo Nordisk A/S", "novo nordisk", "A/S"},
    {"Nokia Oyj", "nokia", "Oyj"},
    {"Lego ApS", "lego", "ApS"},
    {"Atlas Pty Ltd", "atlas", "Pty Ltd"},
    {"Sony K.K.", "sony", "K.K."},
    {"Hyundai Co., Ltd.", "hyundai", "Co., Ltd."},
    {"Petronas Sdn Bhd", "petronas", "Sdn. Bhd."},
    {"Tata Pvt. Ltd.", "tata", "Pvt Ltd"},
    {"Baker LLP", "baker", "LLP"},
    {"Bolt OÜ", "bolt", "OÜ"},
    {"Podravka d.o.o.", "podravka", "d.o.o."},
    {"Kowalski Sp. z o.o.", "kowalski", "Sp. z o.o."},
    {"Magyar Kft.", "magyar", "Kft."},
    {"Škoda s.r.o.", "skoda", "s.r.o."},
    {"Silva Lda.", "silva", "Lda."},
    {"Silva Ltda", "silva", "Ltda."},
    {"Grupo Sol, S.A. de C.V.", "grupo sol", "S.A. de C.V."},
    {"株式会社トヨタ", "トヨタ", "株式会社"},
    {"ООО «Ромашка»", "ромашка", "ООО"},
    {"AT&T Inc.", "at and t", "Inc."},
    {"Johnson & Johnson", "johnson and johnson", ""},
    {"Johnson and Johnson", "johnson and johnson", ""},
    {"Tiffany & Co.", "tiffany", "& Co."},
    {"GmbH", "gmbh", ""},
    {"GmbH & Co. KG", "gmbh and co kg", ""},
    {"SAS", "sas", ""},
    {"The The", "the", ""},
    {"3M", "3m", ""},
};

TEST(NormalizeCompanyTest, CoreAndLegalForm) {
  for (const CompanyCase& expected : kCompanies) {
    SCOPED_TRACE(expected.text);
    const absl::StatusOr<CompanyName> company = NormalizeCompany(expected.text);
    ASSERT_TRUE(company.ok()) << Message(company.status());
    EXPECT_EQ(company->core, expected.core);
    EXPECT_EQ(company->legal_form, expected.legal_form);
    EXPECT_EQ(company->name, expected.text);
  }
}

TEST(NormalizeCompanyTest, NameIsTrimmedAndKeepsItsLegalForm) {
  EXPECT_EQ(NormalizeCompany("  Acme\u00a0 Inc. ")->name, "Acme Inc.");
}

TEST(NormalizeCompanyTest, RefusesWhatIsNoName) {
  for (const std::string_view text : {"", " ", "-", "n/a", "None", "unknown", "\xff", "..."}) {
    const absl::StatusOr<CompanyName> company = NormalizeCompany(text);
    ASSERT_FALSE(company.ok()) << text;
    EXPECT_EQ(company.status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(NormalizeCompanyPropertyTest, CoreOfACoreIsItself) {
  SCOPED_TRACE("seed " + std::to_string(testing::Seed()));
  constexpr std::string_view kWords[] = {"Acme", "The", "GmbH", "& Co.",    "KG",  "Inc.", "S.p.A.",
                                         "Spa",  "AB",  "PT",   "株式会社", "and", "&",    "Ltd",
                                         "A/S",  "OOO", "Sp.",  "z o.o.",   "co",  "SE",   "Foo"};
  RandomText random(kWords);
  for (size_t i = 0; i < testing::Scaled(100'000); ++i) {
    const std::string text = random.Next();
    const absl::StatusOr<CompanyName> once = NormalizeCompany(text);
    if (!once.ok()) continue;
    ASSERT_FALSE(once->core.empty()) << ::testing::PrintToString(text);
    ASSERT_TRUE(IsValidUtf8(once->core));
    const absl::StatusOr<CompanyName> again = NormalizeCompany(once->name);
    ASSERT_EQ(again->name, once->name) << ::testing::PrintToString(text);
    ASSERT_EQ(again->core, once->core) << ::testing::PrintToString(text);
    const absl::StatusOr<CompanyName> twice = NormalizeCompany(once->core);
    if (!twice.ok()) continue;  // what is left may be a word for "unknown"
    ASSERT_EQ(twice->core, once->core) << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace leadcore
