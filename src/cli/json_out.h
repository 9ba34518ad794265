// SPDX-License-Identifier: Apache-2.0
//
// JSON for programs: UTF-8 unescaped, one object on one line, blanks are null.
#ifndef LEADCORE_SRC_CLI_JSON_OUT_H_
#define LEADCORE_SRC_CLI_JSON_OUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "leadcore/commands.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"
#include "leadcore/store.h"

namespace leadcore::cli {

// RapidJSON escapes texts; the rest is put together here: by its writer, a line of the feed takes a
// fifth more instructions (90,000, not 75,500).
class JsonWriter {
 public:
  void StartObject();
  void EndObject();
  void StartArray();
  void EndArray();
  void Key(std::string_view name);
  void Text(std::string_view text);
  void Base64(std::string_view bytes);
  void Integer(int64_t value);
  void Real(double value);
  void Boolean(bool value);
  void Null();

  // A member of the object that is open.
  void Member(std::string_view name, std::string_view text);
  void Member(std::string_view name, int64_t value);

  // Ends the document and its line; the next one may begin.
  void EndLine();

  std::string_view text() const { return {text_.data(), size_}; }
  // What was written goes; its memory is used again.
  void Clear();
  std::string Take();

 private:
  // Room for `most` bytes behind what is written.
  char* Reserve(size_t most) {
    if (text_.size() - size_ < most) Grow(most);
    return text_.data() + size_;
  }
  void Grow(size_t most);
  // Room for a value, behind the comma that is due.
  char* Begin(size_t most) {
    char* const at = Reserve(most + 1);
    *at = ',';
    return at + (comma_ ? 1 : 0);
  }
  void End(const char* end) {
    size_ = static_cast<size_t>(end - text_.data());
    comma_ = true;
  }
  void Put(char mark) {
    *Reserve(1) = mark;
    ++size_;
  }
  void Start(char bracket);
  void Finish(char bracket);
  void Escape(std::string_view text);
  void Word(std::string_view word);
  template <typename T>
  void Number(T value);

  std::string text_;  // longer than what is written, so that room costs nothing
  size_t size_ = 0;
  bool comma_ = false;  // before the next value
  std::string base64_;
};

// One value of a field, absent as null.
void WriteValue(const Field& field, const Value& value, JsonWriter* json);
// All fields of the table by name, as members of the object that is open.
void WriteFields(const Lead& lead, JsonWriter* json);
// {"sequence","type","time","actor","lead", …}; `whole`: with all that replay needs.
void WriteEvent(const Event& event, const std::shared_ptr<const Schema>& schema, bool whole,
                JsonWriter* json);
void WriteLedger(const Score& score, JsonWriter* json);

}  // namespace leadcore::cli

#endif  // LEADCORE_SRC_CLI_JSON_OUT_H_
