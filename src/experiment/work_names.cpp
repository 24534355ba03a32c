// SPDX-License-Identifier: MIT
#include "experiment/work_names.hpp"

#include <set>

#include "lldm/errors.hpp"
#include "lldm/storage/sha256.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

Json all_axes(const RunSchedule& schedule) {
  Json entries = Json::array();
  for (const Cell& cell : schedule.cells) entries.push_back({{"axes", axes_of(cell)}});
  return {{"work", std::move(entries)}};
}

std::string without_comma(const std::string& text) {
  return text.starts_with(", ") ? text.substr(2) : text;
}

}  // namespace

Json to_json(const config::Value& value) {
  switch (value.kind()) {
    case config::Kind::boolean:
      return value.as_boolean();
    case config::Kind::integer:
      return value.as_integer();
    case config::Kind::real:
      return value.as_real();
    case config::Kind::string:
      return value.as_string();
    case config::Kind::array: {
      Json list = Json::array();
      for (const config::Value& element : value.as_array()) list.push_back(to_json(element));
      return list;
    }
    case config::Kind::table:
      break;
  }
  Json table = Json::object();
  for (const config::Member& member : value.as_table()) table[member.key] = to_json(member.value);
  return table;
}

Json axes_of(const Cell& cell) {
  Json axes = Json::object();
  for (const auto& [path, value] : cell.axes) axes[path] = to_json(value);
  return axes;
}

std::int64_t seed_of(const RunSchedule& schedule, const Work& work) {
  const auto made = work.inputs.find(work.model);
  return made == work.inputs.end() ? work.seed : schedule.work[made->second].seed;
}

namespace {

/// Whether an axis can decide the work: it sets a key of its stage, of a stage that it follows
/// from, or of a table of the file that one of them takes.
bool is_decided_by(const RunSchedule& schedule, const Work& work, const std::string& axis) {
  const std::string first = axis.substr(0, axis.find('.'));
  const Experiment& experiment = schedule.experiments[work.experiment];
  if (first == work.stage) return true;
  for (const auto& [name, input] : work.inputs)
    if (is_decided_by(schedule, schedule.work[input], axis)) return true;
  if (experiment.find(first)) return false;
  const bool is_of_file = first == "model" || first == "tokenizer" || first == "template";
  return is_of_file || schedule.stage_of(work).resolved.find(first) != nullptr;
}

}  // namespace

Json axes_of(const RunSchedule& schedule, const Work& work) {
  Json axes = Json::object();
  const Cell& first = schedule.cells[work.cells.front()];
  for (std::size_t a = 0; a < first.axes.size(); ++a) {
    bool is_same = is_decided_by(schedule, work, first.axes[a].first);
    for (const std::size_t cell : work.cells)
      is_same = is_same && schedule.cells[cell].axes[a].second == first.axes[a].second;
    if (is_same) axes[first.axes[a].first] = to_json(first.axes[a].second);
  }
  return axes;
}

WorkNames::WorkNames(const RunSchedule& schedule)
    : schedule_(schedule), labels_(all_axes(schedule)) {}

std::string WorkNames::of(const Cell& cell) const {
  const std::string axes = labels_.of(axes_of(cell));
  return without_comma(message(axes, ", seed ", cell.seed));
}

std::string WorkNames::of(const Work& work) const {
  return message(work.stage, work.model.empty() ? "" : " of " + work.model,
                 labels_.of(axes_of(schedule_, work)), ", seed ", seed_of(schedule_, work));
}

std::string schedule_digest(const RunSchedule& schedule) {
  std::string hashes;
  for (const Work& work : schedule.work) hashes += work.hash + "\n";
  return sha256_hex(hashes);
}

Json index_of(const RunSchedule& schedule, const std::filesystem::path& out) {
  const WorkNames names(schedule);
  Json index = {{"scheme", kWorkScheme},
                {"threads", schedule.experiments.front().options.threads},
                {"schedule", ""},
                {"cells", Json::array()},
                {"work", Json::array()}};
  for (std::size_t c = 0; c < schedule.cells.size(); ++c)
    index["cells"].push_back({{"id", schedule.cell_ids[c]},
                              {"name", names.of(schedule.cells[c])},
                              {"axes", axes_of(schedule.cells[c])},
                              {"seed", schedule.cells[c].seed}});
  std::set<std::string> seen;
  for (const Work& work : schedule.work) {
    const std::string folder = work.folder.lexically_relative(out).generic_string();
    std::string name = names.of(work);
    if (!seen.insert(name).second) name += " (" + folder + ")";  // two files of one name, say
    index["work"].push_back({{"folder", folder},
                             {"hash", work.hash},
                             {"name", name},
                             {"stage", work.stage},
                             {"model", work.model},
                             {"axes", axes_of(schedule, work)},
                             {"seed", seed_of(schedule, work)}});
  }
  index["schedule"] = schedule_digest(schedule);
  return index;
}

}  // namespace lldm
