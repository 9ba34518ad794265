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

class JsonWriter {
 public:
  JsonWriter();
  ~JsonWriter();

  void StartObject();
  void EndObject();
  void StartArray();
  void EndArray();
  void Key(std::string_view name);
  void Text(std::string_view text);
  void Plain(std::string_view text);  // without anything that JSON escapes
  void Integer(int64_t value);
  void Real(double value);
  void Boolean(bool value);
  void Null();

  // A member of the object that is open.
  void Member(std::string_view name, std::string_view text);
  void Member(std::string_view name, int64_t value);

  std::string Take();
  // What is there so far goes to standard output once it is `least` bytes; the document may go on.
  void Print(size_t least);
  // Ends the document and its line; the next one may begin.
  void EndLine();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One value of a field, absent as null.
void WriteValue(const Field& field, const Value& value, JsonWriter* json);
// All fields of the table by name, as members of the object that is open.
void WriteFields(const Lead& lead, JsonWriter* json);
// {"sequence","type","time","actor","lead", …}; `whole`: with all that replay needs.
void WriteEvent(const Event& event, const std::shared_ptr<const Schema>& schema, bool whole,
                JsonWriter* json);
void WriteLedger(const Score& score, JsonWriter* json);
void WriteAssignment(const Assignment& assignment, JsonWriter* json);

}  // namespace leadcore::cli

#endif  // LEADCORE_SRC_CLI_JSON_OUT_H_
