// SPDX-License-Identifier: Apache-2.0
#include "leadcore/report.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "text.h"

namespace leadcore {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"source", "funnel", "rep", "aging"};
constexpr int64_t kDay = int64_t{24} * 3600 * 1'000'000;

// A text field's content; null when it is absent.
ReportCell TextCell(LeadView lead, FieldId id) {
  if (!lead.has(id)) return std::monostate();
  return std::string(lead.text(id));
}

const ReportState* FindState(const std::vector<ReportState>& states, std::string_view name) {
  const auto at = std::find_if(states.begin(), states.end(),
                               [name](const ReportState& state) { return state.name == name; });
  return at == states.end() ? nullptr : &*at;
}

// The rows of most leads first; equals by name, null last.
std::vector<ReportRow> MostFirst(std::vector<ReportRow> rows) {
  std::sort(rows.begin(), rows.end(), [](const ReportRow& a, const ReportRow& b) {
    const int64_t leads_a = std::get<int64_t>(a[1]);
    const int64_t leads_b = std::get<int64_t>(b[1]);
    if (leads_a != leads_b) return leads_a > leads_b;
    const bool null_a = std::holds_alternative<std::monostate>(a[0]);
    const bool null_b = std::holds_alternative<std::monostate>(b[0]);
    return null_a != null_b ? null_b : a[0] < b[0];
  });
  return rows;
}

class SourceReport : public Report {
 public:
  explicit SourceReport(std::vector<ReportState> states) : states_(std::move(states)) {}
  std::span<const std::string_view> columns() const override { return kColumns; }
  void Add(LeadView lead) override {
    Counts& counts = counts_[TextCell(lead, field::kSource)];
    ++counts.leads;
    const ReportState* state = FindState(states_, lead.text(field::kStatus));
    if (state != nullptr && state->won) ++counts.converted;
  }
  std::vector<ReportRow> Rows() const override {
    std::vector<ReportRow> rows;
    for (const auto& [source, counts] : counts_) {
      rows.push_back({source, counts.leads, counts.converted});
    }
    return MostFirst(std::move(rows));
  }

 private:
  static constexpr std::array<std::string_view, 3> kColumns = {"source", "leads", "converted"};
  struct Counts {
    int64_t leads = 0;
    int64_t converted = 0;
  };
  const std::vector<ReportState> states_;
  std::map<ReportCell, Counts> counts_;
};

class FunnelReport : public Report {
 public:
  explicit FunnelReport(std::vector<ReportState> states) : states_(std::move(states)) {}
  std::span<const std::string_view> columns() const override { return kColumns; }
  void Add(LeadView lead) override {
    ++leads_;
    ++counts_[std::string(lead.text(field::kStatus))];
  }
  std::vector<ReportRow> Rows() const override {
    std::vector<ReportRow> rows;
    const auto row = [&](const std::string& status, int64_t leads) {
      const double share = leads_ == 0 ? 0 : 100.0 * static_cast<double>(leads) / leads_;
      rows.push_back({status, leads, share});
    };
    for (const ReportState& state : states_) {
      const auto at = counts_.find(state.name);
      row(state.name, at == counts_.end() ? 0 : at->second);
    }
    for (const auto& [status, leads] : counts_) {
      if (FindState(states_, status) == nullptr) row(status, leads);
    }
    return rows;
  }

 private:
  static constexpr std::array<std::string_view, 3> kColumns = {"status", "leads", "share"};
  const std::vector<ReportState> states_;
  int64_t leads_ = 0;
  std::map<std::string, int64_t> counts_;
};

class RepReport : public Report {
 public:
  explicit RepReport(std::vector<ReportState> states) : states_(std::move(states)) {}
  std::span<const std::string_view> columns() const override { return kColumns; }
  void Add(LeadView lead) override {
    Counts& counts = counts_[TextCell(lead, field::kOwner)];
    ++counts.leads;
    const ReportState* state = FindState(states_, lead.text(field::kStatus));
    if (state != nullptr && state->won) ++counts.converted;
    if (state == nullptr || state->open) ++counts.open;
    if (lead.text(field::kBand) == "hot") ++counts.hot;
  }
  std::vector<ReportRow> Rows() const override {
    std::vector<ReportRow> rows;
    for (const auto& [owner, counts] : counts_) {
      rows.push_back({owner, counts.leads, counts.open, counts.converted, counts.hot});
    }
    return MostFirst(std::move(rows));
  }

 private:
  static constexpr std::array<std::string_view, 5> kColumns = {"owner", "leads", "open",
                                                               "converted", "hot"};
  struct Counts {
    int64_t leads = 0, open = 0, converted = 0, hot = 0;
  };
  const std::vector<ReportState> states_;
  std::map<ReportCell, Counts> counts_;
};

class AgingReport : public Report {
 public:
  AgingReport(std::vector<ReportState> states, int64_t now)
      : states_(std::move(states)), now_(now) {}
  std::span<const std::string_view> columns() const override { return kColumns; }
  void Add(LeadView lead) override {
    const ReportState* state = FindState(states_, lead.text(field::kStatus));
    if (state != nullptr && !state->open) return;
    if (!lead.has(field::kCreateTime)) return;
    const int64_t age = std::max<int64_t>(0, now_ - lead[field::kCreateTime].micros());
    days_[std::string(lead.text(field::kStatus))].push_back(age / kDay);
  }
  std::vector<ReportRow> Rows() const override {
    std::vector<ReportRow> rows;
    for (const ReportState& state : states_) {
      const auto at = days_.find(state.name);
      if (at != days_.end()) rows.push_back(Row(at->first, at->second));
    }
    for (const auto& [status, days] : days_) {
      if (FindState(states_, status) == nullptr) rows.push_back(Row(status, days));
    }
    return rows;
  }

 private:
  static constexpr std::array<std::string_view, 7> kColumns = {
      "status", "leads", "days_0_7", "days_8_30", "days_31_90", "days_over_90", "median_days"};

  static ReportRow Row(const std::string& status, std::vector<int64_t> days) {
    std::sort(days.begin(), days.end());
    const auto up_to = [&](int64_t last) {
      return std::upper_bound(days.begin(), days.end(), last) - days.begin();
    };
    const int64_t week = up_to(7), month = up_to(30), quarter = up_to(90);
    const auto all = static_cast<int64_t>(days.size());
    return {status,
            all,
            week,
            month - week,
            quarter - month,
            all - quarter,
            static_cast<double>(days[(days.size() - 1) / 2] + days[days.size() / 2]) / 2};
  }

  const std::vector<ReportState> states_;
  const int64_t now_;
  std::map<std::string, std::vector<int64_t>> days_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Report>> Report::Make(std::string_view name,
                                                     std::span<const ReportState> states,
                                                     absl::Time now) {
  std::vector<ReportState> copy(states.begin(), states.end());
  if (name == "source") return std::make_unique<SourceReport>(std::move(copy));
  if (name == "funnel") return std::make_unique<FunnelReport>(std::move(copy));
  if (name == "rep") return std::make_unique<RepReport>(std::move(copy));
  if (name == "aging") return std::make_unique<AgingReport>(std::move(copy), ToMicros(now));
  const std::string_view closest = ClosestName(name, kNames.data(), kNames.size());
  return InvalidArgument("there is no report '", name, "'", DidYouMean(closest),
                         " (reports: source, funnel, rep, aging)");
}

}  // namespace leadcore
