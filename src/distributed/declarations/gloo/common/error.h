// SPDX-License-Identifier: MIT
// See ../context.h: LibTorch's header includes this file and needs nothing of it.
#pragma once
