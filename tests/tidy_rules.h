// SPDX-License-Identifier: Apache-2.0
//
// The rules of the house, as functions from one file to what is wrong with it. tidy_test.cc runs
// them over the tree and, first, over a text that breaks each of them.
#ifndef LEADCORE_TESTS_TIDY_RULES_H_
#define LEADCORE_TESTS_TIDY_RULES_H_

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leadcore::tidy {

struct File {
  std::string path;  // from the root of the project
  std::string text;
};

using Problems = std::vector<std::string>;

inline std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

inline bool IsCpp(std::string_view path) { return path.ends_with(".cc") || path.ends_with(".h"); }

inline std::string At(const File& file, size_t line, std::string_view what) {
  return file.path + ":" + std::to_string(line + 1) + ": " + std::string(what);
}

// ---- layers -------------------------------------------------------------------------------------

struct Part {
  std::string_view name;  // of the public header, or of a private part of src/
  int layer;
};

// An include may only point to a part of a lower layer, or to one named earlier in its own layer.
// Those of layer 3 are peers and never include each other. Private helpers under src/ that no
// public header stands for (text.h …) are below everything.
inline constexpr int kPeers = 3;
inline constexpr Part kParts[] = {
    {"value", 0},    {"schema", 0},  {"lead", 1},      {"expression", 2},   {"normalize", 2},
    {"calendar", 2}, {"table", 2},   {"codec", 2},     {"store", 2},        {"scoring", 3},
    {"matching", 3}, {"routing", 3}, {"lifecycle", 3}, {"sources", 3},      {"automation", 3},
    {"campaign", 3}, {"report", 3},  {"model", 4},     {"memory_store", 5}, {"sqlite_store", 5},
    {"commands", 5}, {"engine", 5},  {"audit", 5},     {"arrow", 6},        {"csv", 6},
    {"cli", 7},
};

inline const Part* FindPart(std::string_view name) {
  const auto* part = std::ranges::find(kParts, name, &Part::name);
  return part == std::end(kParts) ? nullptr : part;
}

// The part that a file of include/leadcore/ or src/ belongs to: src/model.cc, src/model.h and
// src/model/json.cc belong to `model`. Empty: a private helper.
inline std::string PartOf(std::string_view path) {
  constexpr std::string_view kPublic = "include/leadcore/";
  path.remove_prefix(path.starts_with(kPublic) ? kPublic.size() : std::string_view("src/").size());
  if (path.starts_with("store/memory")) return "memory_store";
  if (path.starts_with("store/sqlite")) return "sqlite_store";
  const std::string name(path.substr(0, path.find_first_of("./")));
  return FindPart(name) == nullptr ? "" : name;
}

// Nothing when an include of `to` from `from` points down, else what is wrong.
inline std::optional<std::string> PointsUp(const std::string& from, const std::string& to) {
  if (from == to || to.empty()) return std::nullopt;
  const std::string both = (from.empty() ? "a private helper" : from) + " includes " + to;
  if (from.empty()) {
    if (FindPart(to)->layer == 0) return std::nullopt;
    return both + ": helpers stand below the layers";
  }
  const Part* a = FindPart(from);
  const Part* b = FindPart(to);
  if (a->layer == kPeers && b->layer == kPeers) return both + ": peers do not include each other";
  if (from.ends_with("_store") && to != "store" && b->layer >= 2) {
    return both + ": a store needs store.h only";
  }
  if (b > a) return both + ", which stands above it";
  return std::nullopt;
}

struct Include {
  size_t line;
  std::string_view path;
  bool angled;
};

inline std::vector<Include> Includes(const File& file) {
  std::vector<Include> includes;
  const std::vector<std::string_view> lines = Lines(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    constexpr std::string_view kInclude = "#include ";
    if (!lines[i].starts_with(kInclude)) continue;
    const std::string_view rest = lines[i].substr(kInclude.size());
    const size_t end = rest.find_first_of("\">", 1);
    if (end == rest.npos) continue;
    includes.push_back({i, rest.substr(1, end - 1), rest[0] == '<'});
  }
  return includes;
}

inline bool IsPublicAbseil(std::string_view path) {
  return path == "absl/status/status.h" || path == "absl/status/statusor.h" ||
         path.starts_with("absl/time/") || path == "absl/functional/function_ref.h";
}

inline bool IsProtobuf(std::string_view path) {
  return path.starts_with("google/protobuf/") || path.ends_with(".pb.h");
}

inline bool IsStandard(const Include& include) {
  return include.angled && include.path.find('.') == include.path.npos;
}

inline Problems CheckInclude(const File& file, const Include& include) {
  const std::string_view path = include.path;
  const auto wrong = [&](std::string_view why) { return Problems{At(file, include.line, why)}; };
  const bool in_public = file.path.starts_with("include/leadcore/");
  const bool in_src = file.path.starts_with("src/");
  if ((in_public || in_src) && IsProtobuf(path) && !file.path.starts_with("src/codec")) {
    return wrong("protobuf is known to src/codec only");
  }
  if ((in_public || in_src) && path == "sqlite3.h" && !file.path.starts_with("src/store/sqlite")) {
    return wrong("SQLite is known to src/store/sqlite* only");
  }
  if (in_public && !IsStandard(include) && !IsPublicAbseil(path) &&
      !path.starts_with("leadcore/")) {
    return wrong("a public header includes std, leadcore and Abseil's status, time, function_ref");
  }
  const std::string folder(path.substr(0, path.find('/')));
  const bool beside = !include.angled && folder != path && folder != "absl" &&
                      FindPart(folder) == nullptr;  // another file of the same example
  if (file.path.starts_with("examples/") && !IsStandard(include) && !IsPublicAbseil(path) &&
      !path.starts_with("leadcore/") && !beside) {
    return wrong("examples show what users can do: leadcore's public headers only");
  }
  if ((!in_public && !in_src) || IsProtobuf(path) || include.angled) return {};
  if (path.starts_with("absl/")) return {};
  const bool is_public = path.starts_with("leadcore/");
  const std::string target = (is_public ? "include/" : "src/") + std::string(path);
  if (is_public && PartOf(target).empty()) return wrong("no place in the layer table");
  const std::optional<std::string> up = PointsUp(PartOf(file.path), PartOf(target));
  return up ? wrong(*up) : Problems();
}

inline Problems CheckLayers(const File& file) {
  Problems problems;
  if (file.path.starts_with("include/leadcore/") && PartOf(file.path).empty()) {
    problems.push_back(file.path + ": no place in the layer table");
  }
  for (const Include& include : Includes(file)) {
    for (std::string& problem : CheckInclude(file, include)) problems.push_back(problem);
  }
  return problems;
}

// ---- the look of a file -------------------------------------------------------------------------

inline Problems CheckLicence(const File& file) {
  const std::vector<std::string_view> lines = Lines(file.text);
  const size_t first = !lines.empty() && lines[0].starts_with("#!") ? 1 : 0;
  if (lines.size() > first && (lines[first] == "// SPDX-License-Identifier: Apache-2.0" ||
                               lines[first] == "# SPDX-License-Identifier: Apache-2.0")) {
    return {};
  }
  return {file.path + ": the first line is not the SPDX line"};
}

inline bool IsGenerated(const File& file) {
  return file.text.substr(0, 400).find("Generated by ") != std::string::npos;
}

inline Problems CheckLength(const File& file) {
  if (IsGenerated(file)) return {};
  const size_t limit = file.path.starts_with("include/leadcore/") ? 250 : 700;
  const size_t lines = Lines(file.text).size();
  if (lines <= limit) return {};
  return {file.path + ": " + std::to_string(lines) + " lines; at most " + std::to_string(limit)};
}

// Columns are code points.
inline Problems CheckColumns(const File& file) {
  Problems problems;
  if (IsGenerated(file)) return problems;
  const std::vector<std::string_view> lines = Lines(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto columns = std::ranges::count_if(lines[i], [](char c) { return (c & 0xC0) != 0x80; });
    if (columns > 100) problems.push_back(At(file, i, "more than 100 columns"));
  }
  return problems;
}

inline Problems CheckLeftovers(const File& file) {
  Problems problems;
  const std::vector<std::string_view> lines = Lines(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    for (const std::string_view word : {"TO"
                                        "DO",
                                        "FIX"
                                        "ME"}) {
      if (lines[i].find(word) != lines[i].npos) {
        problems.push_back(At(file, i, "work left over: " + std::string(word)));
      }
    }
  }
  return problems;
}

inline Problems CheckGuard(const File& file) {
  if (!file.path.ends_with(".h")) return {};
  std::string_view path = file.path;
  if (path.starts_with("include/leadcore/"))
    path.remove_prefix(std::string_view("include/leadcore/").size());
  std::string guard = "LEADCORE_";
  for (const char c : path) {
    guard += std::isalnum(static_cast<unsigned char>(c)) != 0
                 ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
                 : '_';
  }
  guard += '_';
  if (file.text.find("\n#ifndef " + guard + "\n#define " + guard + "\n") != std::string::npos &&
      file.text.ends_with("\n#endif  // " + guard + "\n")) {
    return {};
  }
  return {file.path + ": the include guard is not " + guard};
}

// A brace alone at column 0 ends a function, at column 2 a member function or a block. Either
// began at the last line before it that stands at that column.
inline Problems CheckFunctions(const File& file) {
  constexpr size_t kLimit = 70;
  Problems problems;
  const std::vector<std::string_view> lines = Lines(file.text);
  size_t begin[] = {0, 0};
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t indent = std::min(lines[i].find_first_not_of(' '), lines[i].size());
    if (lines[i].empty() || (indent != 0 && indent != 2)) continue;
    const std::string_view content = lines[i].substr(indent);
    if (content.empty() || content[0] == '#') continue;
    if (content == "}" && i - begin[indent / 2] + 1 > kLimit) {
      problems.push_back(At(file, begin[indent / 2],
                            std::to_string(i - begin[indent / 2] + 1) + " lines in one function"));
    }
    if (content != "}") begin[indent / 2] = i;
  }
  return problems;
}

// ---- README -------------------------------------------------------------------------------------

// The text from a heading to the next of the same depth.
inline std::string Section(std::string_view readme, std::string_view heading) {
  const std::string start = "\n## " + std::string(heading) + "\n";
  const size_t begin = readme.find(start);
  if (begin == readme.npos) return "";
  const size_t end = readme.find("\n## ", begin + start.size());
  return std::string(readme.substr(begin + start.size(), end == readme.npos ? end : end - begin));
}

// What stands between backticks.
inline std::vector<std::string> Quoted(std::string_view text) {
  std::vector<std::string> quoted;
  for (size_t begin = text.find('`'); begin != text.npos; begin = text.find('`', begin)) {
    const size_t end = text.find('`', begin + 1);
    if (end == text.npos) break;
    quoted.emplace_back(text.substr(begin + 1, end - begin - 1));
    begin = end + 1;
  }
  return quoted;
}

// `headers` as "value.h", `folders` as "src/".
inline Problems CheckCodeMap(std::string_view readme, const std::vector<std::string>& headers,
                             const std::vector<std::string>& folders) {
  Problems problems;
  const std::vector<std::string> named = Quoted(Section(readme, "Code map"));
  for (const std::string& header : headers) {
    if (std::ranges::count(named, header) == 0)
      problems.push_back("not in the code map: " + header);
  }
  for (const std::string& folder : folders) {
    if (std::ranges::count(named, folder) == 0)
      problems.push_back("not in the code map: " + folder);
  }
  for (const std::string& name : named) {
    if (name.ends_with(".h") && name.find('/') == name.npos &&
        std::ranges::count(headers, name) == 0) {
      problems.push_back("in the code map, but not there: " + name);
    }
  }
  return problems;
}

struct LifeStep {
  std::string step;
  std::string file;
  std::string function;
};

// The rows of the table of a README section whose columns are step, `file`, `function`.
inline std::vector<LifeStep> LifeOfALead(std::string_view readme) {
  std::vector<LifeStep> steps;
  const std::string section = Section(readme, "The life of a lead");
  for (const std::string_view line : Lines(section)) {
    if (!line.starts_with("| ") || line.starts_with("| step ") || line.starts_with("| -")) continue;
    const std::vector<std::string> quoted = Quoted(line.substr(line.find('|', 1)));
    const std::string step(line.substr(2, line.find('|', 2) - 2));
    if (quoted.size() == 2) steps.push_back({step, quoted[0], quoted[1]});
    if (quoted.size() != 2) steps.push_back({step, "", ""});
  }
  return steps;
}

// Whether what follows a closed parameter list begins a body.
inline bool BeginsBody(std::string_view rest) {
  for (const std::string_view word : {"const", "noexcept", "override", "final"}) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \n"), rest.size()));
    if (rest.starts_with(word)) rest.remove_prefix(word.size());
  }
  rest.remove_prefix(std::min(rest.find_first_not_of(" \n"), rest.size()));
  return rest.starts_with("{") || rest.starts_with("->") || rest.starts_with(": ");
}

// Whether `text` defines the function, named with or without its class.
inline bool Defines(std::string_view text, const std::string& function) {
  const std::string call = function + "(";
  for (size_t at = text.find(call); at != text.npos; at = text.find(call, at + 1)) {
    if (at > 0 && (std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0 ||
                   text[at - 1] == '_' || text[at - 1] == '.' || text[at - 1] == '>')) {
      continue;
    }
    size_t end = at + call.size();
    for (int depth = 1; end < text.size() && depth > 0; ++end) {
      depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
    }
    if (BeginsBody(text.substr(end))) return true;
  }
  return false;
}

}  // namespace leadcore::tidy

#endif  // LEADCORE_TESTS_TIDY_RULES_H_
