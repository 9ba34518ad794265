// SPDX-License-Identifier: Apache-2.0
//
// What tests share: where the optional shared data lies, and file access.
#ifndef LEADCORE_TESTS_TEST_UTIL_H_
#define LEADCORE_TESTS_TEST_UTIL_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace leadcore::testing {

// LEADCORE_SOURCE_DIR is given to every test by CMake.
inline std::filesystem::path SourcePath(std::string_view relative) {
  return std::filesystem::path(LEADCORE_SOURCE_DIR) / relative;
}

// A path under $LEADCORE_SHARED (default: ../shared beside the project), or nothing when it is not
// there; the test then skips with a reason.
inline std::optional<std::filesystem::path> SharedPath(std::string_view relative) {
  const char* root = std::getenv("LEADCORE_SHARED");
  std::filesystem::path path =
      (root != nullptr ? std::filesystem::path(root) : SourcePath("../shared")) / relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

// How much of `full` a test that repeats itself does: a tenth where a sanitizer slows everything.
inline size_t Scaled(size_t full) {
#ifdef LEADCORE_SANITIZED
  return (full + 9) / 10;
#else
  return full;
#endif
}

// Of random tests, which print it; LEADCORE_SEED sets another.
inline uint64_t Seed() {
  const char* seed = std::getenv("LEADCORE_SEED");
  return seed == nullptr ? 20'261'123 : std::strtoull(seed, nullptr, 10);
}

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A new folder that goes with the object, and all that is in it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "leadcore-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace leadcore::testing

#define LEADCORE_SKIP_WITHOUT(path, relative) \
  if (!(path)) GTEST_SKIP() << "no shared data: " << (relative) << " (set LEADCORE_SHARED)"

#endif  // LEADCORE_TESTS_TEST_UTIL_H_
