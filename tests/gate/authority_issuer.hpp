// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tests stand in for the folder that verifies signatures.
#include "jobs/authority_issuer.hpp"
