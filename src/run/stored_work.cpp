// SPDX-License-Identifier: MIT
#include "run/stored_work.hpp"

#include "experiment/work_identity.hpp"
#include "experiment/work_names.hpp"
#include "experiment/work_seal.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "run/work_metrics.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

Json record_of(const Work& work) {
  const auto file = work.folder / kWorkName;
  if (!std::filesystem::exists(file)) return Json();
  return Json::parse(read_file(file), nullptr, false);
}

}  // namespace

void write_work_record(const RunSchedule& schedule, const Work& work) {
  InputFiles files;
  Json record = work_record(schedule, work, files);
  record["made"] = made_by(schedule.experiments[work.experiment]);
  const Json before = record_of(work);
  // Found by another budget, say: what it was begun with is what its hash is made of.
  if (before.is_object() && before.value("hash", "") == work.hash && before.contains("settings"))
    record["settings"] = before.at("settings");
  if (before.is_object() && before.value("hash", "") == work.hash && before.contains("made") &&
      before.at("made") != record.at("made") &&
      std::filesystem::exists(work.folder / "checkpoints"))
    record["made"]["also_made_by"] = before.at("made");  // it goes on where another stopped
  const std::string text = record.dump(1) + "\n";
  const auto file = work.folder / kWorkName;
  if (!std::filesystem::exists(file) || read_file(file) != text) write_file_atomically(file, text);
}

StoredWork::StoredWork(const RunSchedule& schedule, std::filesystem::path out,
                       const std::filesystem::path& store, Logger& logger)
    : schedule_(schedule), out_(std::move(out)), logger_(logger) {
  if (!store.empty()) store_.emplace(store);
}

std::optional<std::string> StoredWork::key_of(const Work& work) const {
  const Json record = is_done(work) ? record_of(work) : Json();
  const bool is_known = record.is_object() && record.contains("made");
  if (is_done(work) && !is_known) return std::nullopt;
  const Json made = is_known ? record.at("made") : made_by(schedule_.experiments[work.experiment]);
  if (made.contains("also_made_by")) return std::nullopt;
  std::string text = message("lldm store 1\n", work.hash, "\n", made.dump(), "\n");
  for (const auto& [name, input] : work.inputs) {
    const auto key = key_of(schedule_.work[input]);
    if (!key) return std::nullopt;
    text += name + "=" + *key + "\n";
  }
  return sha256_hex(text);
}

bool StoredWork::holds(const Work& work) const {
  const auto key = store_ ? key_of(work) : std::nullopt;
  return key && store_->contains(*key);
}

bool StoredWork::take(const Work& work) const {
  if (is_done(work) || !holds(work)) return false;
  const std::string label = work.folder.lexically_relative(out_).generic_string();
  try {
    const bool is_taken =
        store_->take(*key_of(work), work.folder, [&](const std::filesystem::path& copy) {
          if (const auto metrics = copy / kMetricsName; std::filesystem::exists(metrics)) {
            write_file_atomically(metrics, relabelled(metrics, label));
            reseal_file(copy, kMetricsName);
          }
        });
    if (is_taken && is_done(work)) return true;
  } catch (const std::exception& error) {
    logger_.warning(message("not taken from the store: ", error.what()));
    return false;
  }
  return false;
}

void StoredWork::keep(const Work& work) const {
  if (!store_) return;
  if (const auto key = key_of(work); key && !store_->contains(*key)) publish(work);
}

void StoredWork::publish(const Work& work) const {
  if (!store_) return;
  const auto key = key_of(work);
  if (!key) return;
  const Experiment& experiment = schedule_.experiments[work.experiment];
  const Json about = {{"stage", work.stage},
                      {"kind", schedule_.stage_of(work).kind.name()},
                      {"model", work.model},
                      {"experiment", experiment.options.name},
                      {"seed", seed_of(schedule_, work)},
                      {"hash", work.hash},
                      {"made", record_of(work).at("made")}};
  try {
    store_->publish(*key, work.folder, about, metrics_of(out_, work, "work"));
  } catch (const std::exception& error) {
    logger_.warning(message("not kept in the store: ", error.what()));
  }
}

}  // namespace lldm
