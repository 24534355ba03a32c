// SPDX-License-Identifier: MIT
// How far a grid is: GridWatch of grid_run.hpp.
#include <algorithm>

#include "experiment/work_names.hpp"
#include "lldm/run/grid_run.hpp"
#include "run/work_claim.hpp"

namespace lldm {

std::string_view to_string(CellState state) {
  switch (state) {
    case CellState::done:
      return "done";
    case CellState::running:
      return "running";
    case CellState::failed:
      return "failed";
    case CellState::waiting:
      break;
  }
  return "waiting";
}

std::size_t GridStatus::count(CellState state) const {
  return static_cast<std::size_t>(std::count_if(
      cells.begin(), cells.end(), [&](const CellStatus& cell) { return cell.state == state; }));
}

GridWatch::GridWatch(const RunSchedule& schedule, std::filesystem::path out)
    : schedule_(schedule), out_(std::move(out)), is_done_(schedule.work.size(), false) {
  const WorkNames names(schedule);
  for (const Work& work : schedule.work) names_.push_back(names.of(work));
  for (const Cell& cell : schedule.cells) cell_names_.push_back(names.of(cell));
}

GridStatus GridWatch::look() {
  GridStatus status;
  status.work_total = schedule_.work.size();
  for (std::size_t c = 0; c < schedule_.cells.size(); ++c) {
    status.cells.push_back({});
    status.cells.back().cell = c;
    status.cells.back().name = cell_names_[c];
  }
  for (std::size_t w = 0; w < schedule_.work.size(); ++w) {
    const Work& work = schedule_.work[w];
    is_done_[w] = is_done_[w] || is_done(work);
    const std::string error = is_done_[w] ? "" : failure_of(work);
    const auto claim = is_done_[w] || !error.empty() ? std::nullopt : claim_of(out_, work);
    if (claim)
      status.running.push_back({w, names_[w], claim->host, claim->unit, claim->process, claim->done,
                                claim->total, claim->metrics});
    status.work_done += is_done_[w];
    status.work_failed += !error.empty();
    for (const std::size_t c : work.cells) {
      CellStatus& cell = status.cells[c];
      ++cell.work_total;
      cell.work_done += is_done_[w];
      if (!error.empty() && cell.error.empty()) cell.error = names_[w] + ": " + error;
      if (claim) cell.state = CellState::running;
    }
  }
  for (CellStatus& cell : status.cells) {
    if (!cell.error.empty()) cell.state = CellState::failed;
    if (cell.work_done == cell.work_total) cell.state = CellState::done;
  }
  return status;
}

std::string status_json(const GridStatus& status, const RunSchedule& schedule) {
  using Json = nlohmann::ordered_json;
  Json json = {{"name", schedule.experiments.front().options.name}};
  Json& counts = json["counts"];
  counts["cells"] = status.cells.size();
  for (const CellState state :
       {CellState::done, CellState::running, CellState::failed, CellState::waiting})
    counts[std::string(to_string(state))] = status.count(state);
  counts["work_done"] = status.work_done;
  counts["work_failed"] = status.work_failed;
  counts["work_total"] = status.work_total;
  json["running"] = Json::array();
  for (const RunningWork& work : status.running)
    json["running"].push_back({{"work", work.name},
                               {"hash", schedule.work[work.work].hash},
                               {"host", work.host},
                               {"process", work.process},
                               {"unit", work.unit},
                               {"done", work.done},
                               {"total", work.total}});
  json["cells"] = Json::array();
  for (const CellStatus& cell : status.cells)
    json["cells"].push_back({{"id", schedule.cell_ids[cell.cell]},
                             {"axes", axes_of(schedule.cells[cell.cell])},
                             {"seed", schedule.cells[cell.cell].seed},
                             {"state", to_string(cell.state)},
                             {"work_done", cell.work_done},
                             {"work_total", cell.work_total},
                             {"error", cell.error.empty() ? Json(nullptr) : Json(cell.error)}});
  return json.dump(2);
}

}  // namespace lldm
