// SPDX-License-Identifier: MIT
#include "lldm/distributed/store_keeper.hpp"

#include <map>
#include <nlohmann/json.hpp>

#include "distributed/shared_store.hpp"

namespace lldm {

struct StoreKeeper::Body {
  SharedStore store;
  std::map<std::string, std::string> deaths;
};

StoreKeeper::StoreKeeper(std::string prefix)
    : body_(std::make_unique<Body>(Body{SharedStore(prefix), {}})) {}
StoreKeeper::~StoreKeeper() = default;

std::uint16_t StoreKeeper::port() const { return body_->store.port(); }

void StoreKeeper::tell_death(int rank, const std::string& how) noexcept {
  try {
    body_->deaths[std::to_string(rank)] = how;
    body_->store.set("deaths", nlohmann::json(body_->deaths).dump());
  } catch (const std::exception&) {  // then its silence tells it
  }
}

}  // namespace lldm
