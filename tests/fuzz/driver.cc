// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target without libFuzzer: over each file of the given folder, then over seeded
// mutations of those files, so that the corpus is part of the plain tests and every compiler and
// sanitizer sees the target. A crash leaves the input in NAME.crash of the working directory.
// LEADCORE_FUZZ_RUNS sets the number of mutations, LEADCORE_FUZZ_SEED the seed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

uint64_t NumberFromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::vector<std::string> ReadCorpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  } else if (std::filesystem::exists(folder)) {
    paths.push_back(folder);
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// One to four small damages: a changed, added, dropped or repeated piece, or a cut.
std::string Mutate(std::string input, const std::vector<std::string>& inputs,
                   std::mt19937_64& random) {
  const auto below = [&random](size_t bound) { return bound == 0 ? 0 : random() % bound; };
  for (size_t damage = 1 + below(4); damage > 0; --damage) {
    const size_t at = below(input.size() + 1);
    switch (below(6)) {
      case 0:
        input.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 1:
        input.erase(at, 1 + below(8));
        break;
      case 2:
        if (at < input.size()) input[at] = static_cast<char>(below(256));
        break;
      case 3:
        input.insert(at, input.substr(at, 1 + below(32)));
        break;
      case 4:
        input.resize(at);
        break;
      case 5: {
        const std::string& other = inputs[below(inputs.size())];
        input.insert(at, other.substr(below(other.size() + 1), 1 + below(64)));
        break;
      }
    }
  }
  return input;
}

// Written before the target runs: a crash leaves no moment to write it afterwards.
class CrashFile {
 public:
  explicit CrashFile(const std::string& program)
      : path_(std::filesystem::path(program).filename().string() + ".crash") {}

  void Run(const std::string& input) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << input;
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  }
  void Remove() const { std::filesystem::remove(path_); }

 private:
  std::filesystem::path path_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> inputs = argc > 1 ? ReadCorpus(argv[1]) : std::vector<std::string>();
  const size_t files = inputs.size();
  inputs.emplace_back();
  const uint64_t seed = NumberFromEnvironment("LEADCORE_FUZZ_SEED", 1);
  const uint64_t runs = NumberFromEnvironment("LEADCORE_FUZZ_RUNS", 2000);
  const CrashFile crash_file(argv[0]);
  for (const std::string& input : inputs) crash_file.Run(input);
  std::mt19937_64 random(seed);
  for (uint64_t run = 0; run < runs; ++run) {
    crash_file.Run(Mutate(inputs[random() % inputs.size()], inputs, random));
  }
  crash_file.Remove();
  std::printf("%zu corpus files and %llu mutations with seed %llu ran\n", files,
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}
