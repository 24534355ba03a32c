// SPDX-License-Identifier: MIT
// Everything public, for programs that embed lldm and do not count compile time; written by
// tools/check_sources --write.
#pragma once

#include "lldm/concepts/commit_rule.hpp"
#include "lldm/concepts/component.hpp"
#include "lldm/concepts/denoiser.hpp"
#include "lldm/concepts/forward_process.hpp"
#include "lldm/concepts/noise_schedule.hpp"
#include "lldm/concepts/task.hpp"
#include "lldm/config/field.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "lldm/fwd.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/memory/planner.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/any_denoiser.hpp"
#include "lldm/model/packed_tokens.hpp"
#include "lldm/score/plan.hpp"
#include "lldm/services.hpp"
#include "lldm/tokenizer/tokenizer.hpp"
#include "lldm/track/logger.hpp"
