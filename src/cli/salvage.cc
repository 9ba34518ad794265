// SPDX-License-Identifier: Apache-2.0
//
// export --skip-damaged
#include "audit/salvage.h"

#include <filesystem>
#include <iostream>

#include "context.h"
#include "lead_writer.h"
#include "store/owner_lock.h"
#include "text.h"

namespace leadcore::cli {
namespace {

void Conclude(const Options& options, const SalvageReply& reply) {
  if (reply.damaged_pages == 0) return Complain(Cat(options.db, ": no page is damaged"));
  Complain(Cat(options.db, ": ", reply.damaged_pages,
               reply.damaged_pages == 1 ? " damaged page; " : " damaged pages; ", reply.leads,
               " leads saved, ", reply.rebuilt, " of them rebuilt from events; ", reply.lost,
               " lost or not whole", reply.more ? ", and maybe more that nothing tells of" : ""));
}

}  // namespace

int ExportRest(const Options& options) {
  if (!std::filesystem::exists(options.db)) {
    return Fail(NotFound("there is no database ", options.db));
  }
  const absl::StatusOr<absl::Time> now = Now(options);
  std::shared_ptr<const Model> model = options.model.empty() ? nullptr : ModelOrDefault(options);
  if (!options.model.empty() && model == nullptr) return kWrong;
  if (!now.ok()) {
    Complain(Message(now.status()));
    return kWrong;
  }
  // Pages are read one by one: nobody may move the log into the file meanwhile.
  const auto lock = OwnerLock::Take(options.db, options.wait);
  if (!lock.ok()) return Fail(lock.status());
  const auto salvage = Salvage::Open(options.db, kWorkspace);
  if (!salvage.ok()) return Fail(salvage.status());
  const std::shared_ptr<const Model> published = (*salvage)->PublishedModel();
  if (published == nullptr) {
    Complain(model == nullptr
                 ? "the database's model is lost; the built-in one says which fields there are, "
                   "or --model FILE"
                 : "the database's model is lost; that of --model stands in for it");
  }
  if (published != nullptr) model = published;
  if (model == nullptr) model = Model::Default();
  CatchInterrupts();
  LeadWriter writer(*model->schema(), options.format);
  const SalvageReply reply = (*salvage)->Run(
      *model, *now,
      [&](const LeadRecord& record) {
        writer.Write(record.lead);
        return std::cout && !Interrupted();
      },
      Complain);
  std::cout.flush();
  Conclude(options, reply);
  if (Interrupted()) return kInterrupted;
  return reply.lost == 0 && !reply.more && published != nullptr ? kDone : kIncomplete;
}

}  // namespace leadcore::cli
