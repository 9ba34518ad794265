// SPDX-License-Identifier: Apache-2.0
//
// Holds the tree to its rules: the layer table, the look of files, the code map and the life of a
// lead in README.md. Each rule first has to flag a text that breaks it.
// Links only: GTest::gmock
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "test_util.h"
#include "tidy_rules.h"

namespace leadcore::tidy {
namespace {

using ::leadcore::testing::ReadFile;
using ::leadcore::testing::SourcePath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool IsOurs(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return IsCpp(path) || path.ends_with(".proto") || path.ends_with(".sh") ||
         path.ends_with(".py") || path.ends_with(".cmake") || name == "CMakeLists.txt";
}

// Folders of the top level, hidden ones and build folders left out.
std::vector<std::string> TopFolders() {
  std::vector<std::string> folders;
  for (const auto& entry : std::filesystem::directory_iterator(SourcePath(""))) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && !name.starts_with(".") && !name.starts_with("build")) {
      folders.push_back(name);
    }
  }
  std::ranges::sort(folders);
  return folders;
}

std::vector<File> Tree() {
  std::vector<File> files;
  for (const std::string_view path : {"CMakeLists.txt", "lead", ".ci/run"}) {
    files.push_back({std::string(path), ReadFile(SourcePath(path))});
  }
  for (const std::string& folder : TopFolders()) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(SourcePath(folder))) {
      const std::string path = entry.path().lexically_relative(SourcePath("")).generic_string();
      if (entry.is_regular_file() && IsOurs(path)) files.push_back({path, ReadFile(entry.path())});
    }
  }
  std::ranges::sort(files, {}, &File::path);
  return files;
}

// Runs a rule over the tree. A tree in which nothing was found to check is a failure of the test.
template <typename Rule>
void ExpectClean(Rule rule, bool cpp_only) {
  size_t checked = 0;
  for (const File& file : Tree()) {
    if (cpp_only && !IsCpp(file.path)) continue;
    ++checked;
    for (const std::string& problem : rule(file)) ADD_FAILURE() << problem;
  }
  EXPECT_GT(checked, 20u);
}

Problems Layers(std::string path, std::string text) {
  return CheckLayers({std::move(path), std::move(text)});
}

TEST(Layers, IncludesPointDown) { ExpectClean(CheckLayers, true); }

TEST(Layers, AnIncludeThatPointsUpIsFlagged) {
  const std::string schema = "#include \"leadcore/schema.h\"\n";
  EXPECT_THAT(Layers("include/leadcore/value.h", schema), ElementsAre(HasSubstr("stands above")));
  EXPECT_THAT(Layers("src/value/read.cc", schema), ElementsAre(HasSubstr("stands above")));
  EXPECT_THAT(Layers("include/leadcore/lead.h", schema), IsEmpty());
  EXPECT_THAT(Layers("src/lead.cc", "#include \"engine/plan.h\"\n"),
              ElementsAre(HasSubstr("lead includes engine")));
  EXPECT_THAT(Layers("src/engine.cc", "#include \"model/json.h\"\n"), IsEmpty());
}

TEST(Layers, PeersThatIncludeEachOtherAreFlagged) {
  const std::string routing = "#include \"leadcore/routing.h\"\n";
  EXPECT_THAT(Layers("include/leadcore/scoring.h", routing), ElementsAre(HasSubstr("peers")));
  EXPECT_THAT(Layers("src/report.cc", routing), ElementsAre(HasSubstr("peers")));
  EXPECT_THAT(Layers("src/model.cc", routing), IsEmpty());
}

TEST(Layers, AStoreThatKnowsMoreThanItsInterfaceIsFlagged) {
  EXPECT_THAT(Layers("src/store/memory.cc", "#include \"leadcore/model.h\"\n"),
              ElementsAre(HasSubstr("store.h only")));
  EXPECT_THAT(Layers("include/leadcore/sqlite_store.h", "#include \"leadcore/codec.h\"\n"),
              ElementsAre(HasSubstr("store.h only")));
  EXPECT_THAT(
      Layers("src/store/sqlite.cc", "#include \"leadcore/store.h\"\n#include <sqlite3.h>\n"),
      IsEmpty());
}

TEST(Layers, AHelperThatKnowsALayerIsFlagged) {
  EXPECT_THAT(Layers("src/text.cc", "#include \"leadcore/lead.h\"\n"),
              ElementsAre(HasSubstr("helpers")));
}

TEST(Layers, AHeaderWithoutAPlaceIsFlagged) {
  EXPECT_THAT(Layers("include/leadcore/unheard_of.h", ""), ElementsAre(HasSubstr("no place")));
  EXPECT_THAT(Layers("src/engine.cc", "#include \"leadcore/unheard_of.h\"\n"),
              ElementsAre(HasSubstr("no place")));
}

TEST(Layers, LibrariesWhereTheyDoNotBelongAreFlagged) {
  EXPECT_THAT(Layers("src/engine.cc", "#include \"leadcore/v1/lead.pb.h\"\n"),
              ElementsAre(HasSubstr("protobuf")));
  EXPECT_THAT(Layers("src/codec/lead.cc", "#include \"leadcore/v1/lead.pb.h\"\n"), IsEmpty());
  EXPECT_THAT(Layers("src/engine.cc", "#include <sqlite3.h>\n"), ElementsAre(HasSubstr("SQLite")));
  EXPECT_THAT(Layers("include/leadcore/lead.h", "#include \"absl/strings/str_cat.h\"\n"),
              ElementsAre(HasSubstr("public header")));
  EXPECT_THAT(Layers("include/leadcore/lead.h", "#include <re2/re2.h>\n"),
              ElementsAre(HasSubstr("public header")));
  EXPECT_THAT(Layers("examples/start.cc", "#include \"text.h\"\n"),
              ElementsAre(HasSubstr("public headers only")));
}

TEST(House, EveryFileBeginsWithItsLicence) { ExpectClean(CheckLicence, false); }

TEST(House, AFileWithoutLicenceIsFlagged) {
  EXPECT_THAT(CheckLicence({"a.cc", "#include <a>\n"}), ElementsAre(HasSubstr("SPDX")));
  EXPECT_THAT(CheckLicence({"a.sh", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"}),
              IsEmpty());
}

TEST(House, FilesAreShort) { ExpectClean(CheckLength, true); }

TEST(House, ALongFileIsFlagged) {
  const std::string lines(251, '\n');
  EXPECT_THAT(CheckLength({"include/leadcore/a.h", lines}), ElementsAre(HasSubstr("251 lines")));
  EXPECT_THAT(CheckLength({"src/a.h", lines}), IsEmpty());
  EXPECT_THAT(CheckLength({"src/a.cc", std::string(701, '\n')}), ElementsAre(HasSubstr("701")));
}

TEST(House, LinesAreShort) { ExpectClean(CheckColumns, false); }

TEST(House, ALongLineIsFlagged) {
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ü";
  EXPECT_THAT(CheckColumns({"a.cc", "\n" + umlauts + "x\n"}), ElementsAre(HasSubstr("a.cc:2:")));
  EXPECT_THAT(CheckColumns({"a.cc", umlauts}), IsEmpty());
}

TEST(House, NothingIsLeftOver) { ExpectClean(CheckLeftovers, false); }

TEST(House, LeftOverWorkIsFlagged) {
  EXPECT_THAT(CheckLeftovers({"a.cc",
                              "// TO"
                              "DO: all of it\n"}),
              ElementsAre(HasSubstr("a.cc:1")));
  EXPECT_THAT(CheckLeftovers({"a.cc",
                              "// FIX"
                              "ME\n"}),
              ElementsAre(HasSubstr("left over")));
}

TEST(House, HeadersAreGuarded) { ExpectClean(CheckGuard, true); }

TEST(House, AWrongGuardIsFlagged) {
  const auto guarded = [](const std::string& guard) {
    return "\n#ifndef " + guard + "\n#define " + guard + "\n#endif  // " + guard + "\n";
  };
  EXPECT_THAT(CheckGuard({"src/a/b.h", guarded("B_H_")}),
              ElementsAre(HasSubstr("not LEADCORE_SRC_A_B_H_")));
  EXPECT_THAT(CheckGuard({"src/a/b.h", guarded("LEADCORE_SRC_A_B_H_")}), IsEmpty());
  EXPECT_THAT(CheckGuard({"include/leadcore/a.h", guarded("LEADCORE_A_H_")}), IsEmpty());
}

TEST(House, FunctionsAreShort) { ExpectClean(CheckFunctions, true); }

TEST(House, ALongFunctionIsFlagged) {
  const auto function = [](int statements, const std::string& indent) {
    std::string text = "int before;\n\n" + indent + "int Sum(int a,\n        int b) {\n";
    for (int i = 0; i < statements; ++i) text += indent + "  a += b;\n";
    return text + indent + "}\n";
  };
  EXPECT_THAT(CheckFunctions({"a.cc", function(68, "")}), ElementsAre(HasSubstr("a.cc:3: 71")));
  EXPECT_THAT(CheckFunctions({"a.cc", function(67, "")}), IsEmpty());
  EXPECT_THAT(CheckFunctions({"a.h", "class A {\n" + function(68, "  ") + "};\n"}),
              ElementsAre(HasSubstr("71 lines in one function")));
}

TEST(Readme, TheCodeMapNamesEveryHeaderAndFolder) {
  std::vector<std::string> headers;
  for (const auto& entry : std::filesystem::directory_iterator(SourcePath("include/leadcore"))) {
    headers.push_back(entry.path().filename().string());
  }
  std::vector<std::string> folders = TopFolders();
  for (std::string& folder : folders) folder += '/';
  EXPECT_THAT(CheckCodeMap(ReadFile(SourcePath("README.md")), headers, folders), IsEmpty());
}

TEST(Readme, AGapInTheCodeMapIsFlagged) {
  const std::string readme =
      "# x\n\n## Code map\n\n`a.h` and `src/`\n\n## Later\n\n`b.h` `tests/`\n";
  EXPECT_THAT(CheckCodeMap(readme, {"a.h"}, {"src/"}), IsEmpty());
  EXPECT_THAT(CheckCodeMap(readme, {"a.h", "b.h"}, {}), ElementsAre(HasSubstr("b.h")));
  EXPECT_THAT(CheckCodeMap(readme, {"a.h"}, {"tests/"}), ElementsAre(HasSubstr("tests/")));
  EXPECT_THAT(CheckCodeMap(readme, {}, {}), ElementsAre(HasSubstr("but not there: a.h")));
}

TEST(Readme, TheLifeOfALeadNamesFunctionsThatAreThere) {
  const std::vector<LifeStep> steps = LifeOfALead(ReadFile(SourcePath("README.md")));
  const bool has_engine = std::filesystem::exists(SourcePath("src/engine"));
  EXPECT_GE(steps.size(), has_engine ? 6u : 0u);
  for (const LifeStep& step : steps) {
    ASSERT_FALSE(step.file.empty()) << step.step << ": a row is | step | `file` | `function` |";
    ASSERT_TRUE(std::filesystem::exists(SourcePath(step.file))) << step.step << ": " << step.file;
    EXPECT_TRUE(Defines(ReadFile(SourcePath(step.file)), step.function))
        << step.step << ": " << step.file << " defines no " << step.function;
  }
}

TEST(Readme, AWrongStepIsFlagged) {
  const std::vector<LifeStep> steps = LifeOfALead(
      "# x\n\n## The life of a lead\n\n| step | file | function |\n| --- | --- | --- |\n"
      "| key it | `src/a.cc` | `A::Keys` |\n| lose it | here |\n");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].file, "src/a.cc");
  EXPECT_EQ(steps[0].function, "A::Keys");
  EXPECT_EQ(steps[1].file, "");
  EXPECT_TRUE(Defines("int A::Keys(int a,\n  F f = F()) const {\n", "A::Keys"));
  EXPECT_TRUE(Defines("int Keys() { return 1; }", "Keys"));
  EXPECT_FALSE(Defines("int A::Keys(int a);\nint b = a.Keys(1);\nif (Keys(2)) {", "Keys"));
  EXPECT_FALSE(Defines("int MoreKeys() { return 1; }", "Keys"));
}

}  // namespace
}  // namespace leadcore::tidy
