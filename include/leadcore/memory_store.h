// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_MEMORY_STORE_H_
#define LEADCORE_MEMORY_STORE_H_

#include <memory>

#include "leadcore/store.h"

namespace leadcore {

// A store that lives as long as the object. For tests, simulations and what-if runs; many
// workspaces; thread-safe. After std::bad_alloc out of Commit a batch may be half there: unlike
// other stores, this one is to be given up then.
std::unique_ptr<Store> NewMemoryStore(RandomSource random = SystemRandom());

}  // namespace leadcore

#endif  // LEADCORE_MEMORY_STORE_H_
