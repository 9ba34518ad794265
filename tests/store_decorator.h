// SPDX-License-Identifier: Apache-2.0
//
// A store that hands everything on to another one: what tests put between an engine and its store
// changes one function of it.
#ifndef LEADCORE_TESTS_STORE_DECORATOR_H_
#define LEADCORE_TESTS_STORE_DECORATOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "leadcore/store.h"

namespace leadcore::testing {

class StoreDecorator : public Store {
 public:
  // `store` must outlive this one.
  explicit StoreDecorator(Store* store) : store_(*store) {}

  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    return store_.Read(workspace);
  }
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    return store_.Commit(workspace, batches, results);
  }
  absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
      std::string_view workspace, std::string_view request_id) const override {
    return store_.FindOutcome(workspace, request_id);
  }
  absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                    absl::FunctionRef<bool(const Event&)> sink) const override {
    return store_.Feed(workspace, request, sink);
  }
  uint64_t Stamp(std::string_view workspace, std::string_view name) const override {
    return store_.Stamp(workspace, name);
  }
  absl::Status Verify(absl::FunctionRef<void(std::string_view)> damage) const override {
    return store_.Verify(damage);
  }

 protected:
  Store& store_;
};

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_STORE_DECORATOR_H_
