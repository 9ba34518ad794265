// SPDX-License-Identifier: Apache-2.0
//
// Runs what readers may copy: every fenced block of every Markdown file, by the convention that
// tests/README.md describes. Programs are built against the installed package, commands run with
// the built `leadcore` on the PATH, and what they print must be what the page says.
// Links only: GTest::gmock
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test_util.h"
#include "tidy_rules.h"

namespace leadcore {
namespace {

using ::leadcore::testing::ReadFile;
using ::leadcore::testing::SourcePath;
using ::leadcore::tidy::Lines;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Block {
  size_t line;  // of the opening fence, from 1
  std::string language;
  std::string file;  // from a comment <!-- file: NAME --> on the line before
  std::string text;
};

struct Page {
  std::vector<Block> blocks;
  std::vector<std::string> problems;
};

std::string FileNamed(std::string_view line) {
  constexpr std::string_view kOpen = "<!-- file: ";
  if (!line.starts_with(kOpen) || !line.ends_with(" -->")) return "";
  return std::string(line.substr(kOpen.size(), line.size() - kOpen.size() - 4));
}

Page Parse(std::string_view markdown) {
  Page page;
  const std::vector<std::string_view> lines = Lines(markdown);
  bool inside = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!inside && lines[i].starts_with("    ") && i > 0 && lines[i - 1].empty()) {
      page.problems.push_back("line " + std::to_string(i + 1) + ": a code block without a fence");
    }
    if (!lines[i].starts_with("```")) {
      if (inside) page.blocks.back().text += std::string(lines[i]) + "\n";
      continue;
    }
    if (!inside) {
      page.blocks.push_back(
          {i + 1, std::string(lines[i].substr(3)), i > 0 ? FileNamed(lines[i - 1]) : "", ""});
    }
    inside = !inside;
  }
  if (inside) page.problems.push_back("the last fence is not closed");
  return page;
}

// Whether `actual` is what the page shows: in a shown line "…" stands for any text, and a line that
// is only "…" for any lines.
bool LineFits(std::string_view shown, std::string_view actual) {
  constexpr std::string_view kAny = "…";
  const size_t any = shown.find(kAny);
  if (any == shown.npos) return shown == actual;
  if (!actual.starts_with(shown.substr(0, any))) return false;
  actual.remove_prefix(any);
  shown.remove_prefix(any + kAny.size());
  for (size_t skip = 0; skip <= actual.size(); ++skip) {
    if (LineFits(shown, actual.substr(skip))) return true;
  }
  return false;
}

bool Fits(const std::vector<std::string_view>& shown, const std::vector<std::string_view>& actual,
          size_t i = 0, size_t j = 0) {
  if (i == shown.size()) return j == actual.size();
  if (shown[i] == "…") {
    for (size_t next = j; next <= actual.size(); ++next) {
      if (Fits(shown, actual, i + 1, next)) return true;
    }
    return false;
  }
  return j < actual.size() && LineFits(shown[i], actual[j]) && Fits(shown, actual, i + 1, j + 1);
}

// Runs the blocks of one page in order, in one new folder, and gathers what is wrong with them.
class Runner {
 public:
  Runner() { std::filesystem::create_directory(folder_ / "work"); }

  std::vector<std::string> Run(const Page& page) {
    problems_ = page.problems;
    for (size_t i = 0; i < page.blocks.size(); ++i) {
      const Block& block = page.blocks[i];
      line_ = block.line;
      if (!block.file.empty()) std::ofstream(folder_.path() / "work" / block.file) << block.text;
      const Block* next = i + 1 < page.blocks.size() ? &page.blocks[i + 1] : nullptr;
      if (block.language == "cpp") {
        Program(block, next);
      } else if (block.language == "cmake") {
        Project(block);
      } else if (block.language == "sh") {
        Commands(block);
      } else if (block.language != "text" && block.file.empty()) {
        Problem("a block that is not run is marked `text`, not `" + block.language + "`");
      }
    }
    return problems_;
  }

 private:
  void Problem(const std::string& what) {
    problems_.push_back("line " + std::to_string(line_) + ": " + what);
  }

  // What the script prints, both streams; fails the block when it ends with another code than 0.
  std::string Shell(const std::string& script) {
    const std::string prefix = std::string(LEADCORE_BINARY_DIR) + "/installed";
    std::ofstream(folder_ / "script")
        << "set -e\nPREFIX='" << prefix << "'\n"
        << "export PATH=\"$PREFIX/bin:$PATH\" CMAKE_PREFIX_PATH=\"$PREFIX\" CXX=\"${CXX:-c++}\"\n"
        << "export PKG_CONFIG_PATH=\"$(dirname \"$(find \"$PREFIX\" -name leadcore.pc)\")\"\n"
        << "cd '" << (folder_ / "work") << "'\n"
        << script;
    const std::string out = folder_ / "output";
    const std::string command = "sh '" + folder_ / "script" + "' >'" + out + "' 2>&1";
    const int status = std::system(command.c_str());
    std::string output = ReadFile(out);
    if (status != 0) Problem("failed:\n" + script + "\n" + output);
    return output;
  }

  void Expect(const std::string& what, const std::string& shown, const std::string& actual) {
    if (Fits(Lines(shown), Lines(actual))) return;
    Problem(what + " prints\n" + actual + "and the page shows\n" + shown);
  }

  void Program(const Block& block, const Block* next) {
    if (next == nullptr || next->language != "text") {
      return Problem("a `cpp` block is a program, and the `text` block after it what it prints");
    }
    std::ofstream(folder_ / "program.cc") << block.text;
    const size_t before = problems_.size();
    Shell(
        "$CXX -std=c++20 -Wall -Wextra -Werror ../program.cc -o ../program "
        "$(pkg-config --cflags --libs leadcore)\n");
    if (problems_.size() == before) Expect("the program", next->text, Shell("../program\n"));
  }

  void Project(const Block& block) {
    if (block.file != "CMakeLists.txt") return Problem("a `cmake` block is a CMakeLists.txt");
    Shell("cmake -S . -B build && cmake --build build\n");
  }

  void Commands(const Block& block) {
    std::string command;
    std::string shown;
    const auto run = [&] {
      if (!command.empty()) Expect("`" + command + "`", shown, Shell(command + "\n"));
      command.clear();
      shown.clear();
    };
    for (const std::string_view line : Lines(block.text)) {
      if (line.starts_with("$ ")) {
        run();
        command = line.substr(2);
      } else if (command.empty()) {
        return Problem("the first line of a `sh` block is `$ ` and a command");
      } else if (command.ends_with("\\")) {
        command += "\n" + std::string(line);
      } else {
        shown += std::string(line) + "\n";
      }
    }
    run();
  }

  const testing::Folder folder_;
  std::vector<std::string> problems_;
  size_t line_ = 0;
};

std::vector<std::string> RunText(std::string_view markdown) {
  return Runner().Run(Parse(markdown));
}

std::vector<std::string> Pages() {
  std::vector<std::string> pages;
  const auto add = [&](const std::filesystem::path& path) {
    if (path.extension() != ".md") return;
    pages.push_back(path.lexically_relative(SourcePath("")).generic_string());
  };
  for (const auto& entry : std::filesystem::directory_iterator(SourcePath(""))) {
    const std::string name = entry.path().filename().string();
    add(entry.path());
    if (!entry.is_directory() || name.starts_with(".") || name.starts_with("build")) continue;
    for (const auto& inner : std::filesystem::recursive_directory_iterator(entry.path())) {
      add(inner.path());
    }
  }
  std::ranges::sort(pages);
  return pages;
}

class PageTest : public ::testing::TestWithParam<std::string> {};

TEST_P(PageTest, WhatReadersMayCopyWorks) {
  ASSERT_TRUE(std::filesystem::exists(std::string(LEADCORE_BINARY_DIR) + "/installed"))
      << "run by ctest, which installs the package first: ctest -R readme_test";
  EXPECT_THAT(RunText(ReadFile(SourcePath(GetParam()))), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Pages, PageTest, ::testing::ValuesIn(Pages()), [](const auto& instance) {
  std::string name = instance.param;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST(Convention, WhatThePageShowsMustBePrinted) {
  EXPECT_THAT(RunText("```sh\n$ echo a b\na b\n$ printf 'x\\ny\\n'\nx\ny\n```\n"), IsEmpty());
  EXPECT_THAT(RunText("```sh\n$ echo a\nb\n```\n"), ElementsAre(HasSubstr("page shows\nb")));
  EXPECT_THAT(RunText("```sh\n$ echo a\n```\n"), ElementsAre(HasSubstr("prints\na")));
}

TEST(Convention, DotsStandForWhatChanges) {
  EXPECT_THAT(RunText("```sh\n$ echo took 1.5 s; echo x; echo y; echo z\ntook … s\n…\nz\n```\n"),
              IsEmpty());
  EXPECT_THAT(RunText("```sh\n$ echo took 1.5 s\ntook … ms\n```\n"),
              ElementsAre(HasSubstr("page shows")));
}

TEST(Convention, AFailingCommandIsFlagged) {
  EXPECT_THAT(RunText("```sh\n$ false\n```\n"), ElementsAre(HasSubstr("line 1: failed")));
  EXPECT_THAT(RunText("```sh\necho a\n```\n"), ElementsAre(HasSubstr("first line")));
}

TEST(Convention, NamedBlocksAreFilesOfTheCommands) {
  EXPECT_THAT(RunText("<!-- file: a.csv -->\n```csv\nName\n```\n\n```sh\n$ cat a.csv\nName\n```\n"),
              IsEmpty());
}

TEST(Convention, AProgramThatDoesNotCompileOrPrintsElseIsFlagged) {
  EXPECT_THAT(RunText("```cpp\nint main() { return x; }\n```\n\n```text\n```\n"),
              ElementsAre(HasSubstr("failed")));
  EXPECT_THAT(RunText("```cpp\nint main() {}\n```\n\n```text\nhello\n```\n"),
              ElementsAre(HasSubstr("page shows\nhello")));
  EXPECT_THAT(RunText("```cpp\nint main() {}\n```\n"), ElementsAre(HasSubstr("what it prints")));
}

TEST(Convention, ABlockThatIsNotRunSaysSo) {
  EXPECT_THAT(RunText("```\nanything\n```\n"), ElementsAre(HasSubstr("marked `text`")));
  EXPECT_THAT(RunText("```json\n{}\n```\n"), ElementsAre(HasSubstr("marked `text`")));
  EXPECT_THAT(RunText("text\n\n    indented\n"), ElementsAre(HasSubstr("without a fence")));
  EXPECT_THAT(RunText("```text\nopen\n"), ElementsAre(HasSubstr("not closed")));
  EXPECT_THAT(RunText("```text\nanything\n```\n"), IsEmpty());
}

}  // namespace
}  // namespace leadcore
