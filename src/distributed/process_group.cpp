// SPDX-License-Identifier: MIT
#include "lldm/distributed/process_group.hpp"

#include <ATen/ops/from_blob.h>
#include <algorithm>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "distributed/process_group_body.hpp"

namespace lldm {
namespace {

/// Bytes of a text that go with its length in the first message.
constexpr std::size_t kSlot = 4096, kLength = sizeof(std::uint64_t);

[[noreturn]] void rethrow(int code, const std::string& text) {
  switch (code) {
    case 2:
      throw DataError(text);
    case 3:
      throw OutOfMemory(text);
    case 4:
      throw PluginError(text);
    case 75:
      throw Stopped(text);
    default:
      throw Error(text);
  }
}

std::string failure_text(const std::exception& error) {
  const nlohmann::json json = {{"code", exit_code(error)}, {"text", error.what()}};
  return "-" + json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::shared_ptr<ProcessGroup> ProcessGroup::join(const Rendezvous& meeting,
                                                 double patience_seconds) {
  return std::shared_ptr<ProcessGroup>(
      new ProcessGroup(std::make_unique<Body>(meeting, patience_seconds)));
}

ProcessGroup::ProcessGroup(std::unique_ptr<Body> body) : body_(std::move(body)) {}
ProcessGroup::~ProcessGroup() = default;

int ProcessGroup::rank() const { return body_->rank; }
int ProcessGroup::size() const { return body_->size; }
int ProcessGroup::local_rank() const { return body_->local_rank; }
int ProcessGroup::local_size() const { return body_->local_size; }
int ProcessGroup::most_local_size() const {
  const std::vector<Peer>& all = body_->peers.at_start();
  std::ptrdiff_t most = 0;
  for (const Peer& peer : all)
    most = std::max(most, std::ranges::count(all, peer.host, &Peer::host));
  return static_cast<int>(most);
}
std::string ProcessGroup::host() const {
  return body_->peers.at_start()[static_cast<std::size_t>(body_->rank)].host;
}
std::string ProcessGroup::name_of(int rank) const { return body_->peers.name_of(rank); }

std::vector<std::string> ProcessGroup::gather(const std::string& own) {
  body_->require_whole();
  const auto size = static_cast<std::size_t>(body_->size);
  // A sum of what others left zero, over plain memory: c10d's own way to gather allocates, and a
  // budget could refuse here to tell that memory is short.
  const auto exchange = [&](const std::string& mine, std::size_t width) {
    const auto all = std::make_shared<std::string>(width * size, '\0');
    mine.copy(all->data() + width * static_cast<std::size_t>(body_->rank), width);
    std::vector<at::Tensor> bytes{at::from_blob(  // c10d holds it: somebody may be lost meanwhile
        all->data(), {static_cast<std::int64_t>(all->size())}, [all](void*) {}, at::kByte)};
    body_->wait(body_->gloo->allreduce(bytes));
    return *all;
  };
  const std::uint64_t length = own.size();
  std::string first(kLength, '\0');
  std::memcpy(first.data(), &length, kLength);
  first += own.substr(0, kSlot - kLength);
  const std::string heads = exchange(first, kSlot);
  std::vector<std::string> texts;
  std::size_t most = 0;
  std::vector<std::size_t> lengths;
  for (std::size_t r = 0; r < size; ++r) {
    std::uint64_t told = 0;
    std::memcpy(&told, heads.data() + r * kSlot, kLength);
    lengths.push_back(told);
    texts.push_back(heads.substr(r * kSlot + kLength, std::min(told, kSlot - kLength)));
    most = std::max<std::size_t>(most, told);
  }
  if (most <= kSlot - kLength) return texts;
  const std::string rest = own.size() > kSlot - kLength ? own.substr(kSlot - kLength) : "";
  const std::size_t width = most - (kSlot - kLength);
  const std::string tails = exchange(rest, width);
  for (std::size_t r = 0; r < size; ++r)
    if (lengths[r] > kSlot - kLength)
      texts[r] += tails.substr(r * width, lengths[r] - (kSlot - kLength));
  return texts;
}

std::vector<std::string> ProcessGroup::agree(const std::function<std::string()>& work) {
  std::string own;
  std::exception_ptr caught;
  try {
    own = "+" + work();
  } catch (const LostRank&) {
    throw;
  } catch (const std::exception& error) {
    if (body_->is_told) throw;  // of an agreement inside this one: the others have left it too
    caught = std::current_exception();
    own = failure_text(error);
  }
  std::vector<std::string> texts;
  const auto has_failed = [](const std::string& text) { return text.front() == '-'; };
  try {
    texts = gather(own);
    if (std::ranges::any_of(texts, has_failed)) {  // as all of them see
      body_->is_told = true;
      level_sums();
    }
  } catch (const LostRank&) {
    if (caught) std::rethrow_exception(caught);  // its own reason says more
    throw;
  }
  for (int r = 0; r < size(); ++r) {
    std::string& text = texts[static_cast<std::size_t>(r)];
    if (has_failed(text)) {
      if (caught) std::rethrow_exception(caught);
      const auto json = nlohmann::json::parse(text.substr(1));
      rethrow(json.at("code").get<int>(), name_of(r) + ": " + json.at("text").get<std::string>());
    }
  }
  for (std::string& text : texts) text.erase(0, 1);
  return texts;
}

void ProcessGroup::agree_on_room(const std::function<void()>& allocate) {
  static_cast<void>(agree([&] {
    allocate();
    return std::string();
  }));
}

void ProcessGroup::tell_failure() noexcept {
  if (body_->is_told || body_->is_broken) return;
  const std::exception_ptr current = std::current_exception();
  try {
    static_cast<void>(agree([&]() -> std::string { std::rethrow_exception(current); }));
  } catch (...) {  // what it was called for
  }
}

void ProcessGroup::begin_work() { body_->is_told = false; }

void ProcessGroup::when_stuck(std::function<void(const std::string&)> handler) {
  body_->peers.when_stuck(std::move(handler));
}

void ProcessGroup::require_all() const {
  if (const std::string verdict = body_->peers.verdict(); !verdict.empty()) body_->lose(verdict);
}

void ProcessGroup::leave(int code, const std::string& why) noexcept {
  try {
    body_->peers.leave(code, why, body_->is_broken);
    // The store goes with this process.
    if (body_->keeps_store) body_->peers.await_others(std::chrono::seconds(10));
  } catch (const std::exception&) {  // then its silence tells it
  }
}

}  // namespace lldm
