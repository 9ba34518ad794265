// SPDX-License-Identifier: Apache-2.0
//
// Reports: what a set of leads adds up to. A report is fed leads one at a time and reads nothing
// else.
#ifndef LEADCORE_REPORT_H_
#define LEADCORE_REPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "leadcore/lead.h"

namespace leadcore {

// A cell: null, text, whole number or real.
using ReportCell = std::variant<std::monostate, std::string, int64_t, double>;
using ReportRow = std::vector<ReportCell>;

// What a report must know of the model's states: name, whether it is won, whether it is open; in
// the model's order.
struct ReportState {
  std::string name;
  bool won = false;
  bool open = true;
};

// Thread-compatible.
class Report {
 public:
  virtual ~Report() = default;

  virtual std::span<const std::string_view> columns() const = 0;
  virtual void Add(LeadView lead) = 0;
  // Ordered as people read it: the most leads first, or the model's order.
  virtual std::vector<ReportRow> Rows() const = 0;

  // source: source, leads, converted; null for leads without one.
  // funnel: status, leads, share (of all leads, percent).
  // rep:    owner, leads, open, converted, hot.
  // aging:  status, leads, days_0_7, days_8_30, days_31_90, days_over_90, median_days (open states;
  //         days since create_time as of `now`).
  // INVALID_ARGUMENT names the reports when there is none of that name.
  static absl::StatusOr<std::unique_ptr<Report>> Make(std::string_view name,
                                                      std::span<const ReportState> states,
                                                      absl::Time now);
};

}  // namespace leadcore

#endif  // LEADCORE_REPORT_H_
