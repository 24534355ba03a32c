// SPDX-License-Identifier: MIT
#include "distributed/shared_store.hpp"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// What LibTorch says, without its frames.
std::string first_lines(const std::string& text) {
  return text.substr(0, text.find("\nException raised from"));
}

}  // namespace

SharedStore::SharedStore(const Rendezvous& meeting, double patience_seconds) {
  c10d::TCPStoreOptions options;
  options.port = meeting.port;
  options.isServer = meeting.keeps_store;
  options.waitWorkers = false;
  options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * patience_seconds));
  try {
    store_ = c10::make_intrusive<c10d::PrefixStore>(
        meeting.prefix, c10::make_intrusive<c10d::TCPStore>(meeting.host, options));
  } catch (const std::exception& error) {
    throw Error(message("rank ", meeting.rank, " of ", meeting.size, " (", meeting.said_by, "): ",
                        meeting.keeps_store ? "cannot serve" : "cannot reach", " the store at ",
                        meeting.host, ":", meeting.port, ": ", first_lines(error.what()),
                        meeting.keeps_store ? "\n  MASTER_PORT names another port"
                                            : "\n  rank 0 serves it, or the launcher: is it up?"));
  }
  port_ = meeting.port;
}

SharedStore::SharedStore(const std::string& prefix) {
  c10d::TCPStoreOptions options;
  options.port = 0;
  options.isServer = true;
  options.waitWorkers = false;
  const auto served = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  port_ = served->getPort();
  store_ = c10::make_intrusive<c10d::PrefixStore>(prefix, served);
}

void SharedStore::set(const std::string& name, const std::string& text) {
  store_->set(name, std::vector<std::uint8_t>(text.begin(), text.end()));
}

std::optional<std::string> SharedStore::get(const std::string& name) {
  if (!store_->check({name})) return std::nullopt;
  const std::vector<std::uint8_t> bytes = store_->get(name);
  return std::string(bytes.begin(), bytes.end());
}

std::vector<std::string> SharedStore::get_all(const std::vector<std::string>& names) {
  std::vector<std::string> texts;
  for (const std::vector<std::uint8_t>& bytes : store_->multiGet(names))
    texts.emplace_back(bytes.begin(), bytes.end());
  return texts;
}

bool SharedStore::has_all(const std::vector<std::string>& names) { return store_->check(names); }

SharedStore SharedStore::second() const {
  SharedStore other;
  other.store_ = store_->clone();
  other.port_ = port_;
  return other;
}

}  // namespace lldm
