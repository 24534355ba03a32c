// SPDX-License-Identifier: MIT
// Options that several tables of commands have.
#pragma once

#include "cli/command.hpp"

namespace lldm::cli {

using Takes = OptionSpec::Takes;

inline const OptionSpec kSet{
    "set", Takes::values, "Override a key of the file; VALUE is read as TOML.", "KEY.PATH=VALUE"};
inline const OptionSpec kPlugin{"plugin", Takes::values, "Load this plugin first.", "FILE"};
inline const OptionSpec kOut{"out", Takes::value, "Folder of the run; default runs/<file name>.",
                             "DIR"};
/// Of commands that look at one and write nothing.
inline const OptionSpec kReadOut{kOut.name, kOut.takes, kOut.help, kOut.value_name,
                                 OptionSpec::File::read};
inline const OptionSpec kFresh{"fresh", Takes::nothing,
                               "Remove what an earlier run left in the folder, then start.", ""};
inline const OptionSpec kStore{
    "store", Takes::value,
    "Take finished work from this folder, from whatever experiment, and keep it there.", "DIR"};
inline const OptionSpec kStrictResume{
    "strict-resume", Takes::nothing,
    "A damaged or missing newest checkpoint is an error; without, the one before is taken.", ""};

}  // namespace lldm::cli
