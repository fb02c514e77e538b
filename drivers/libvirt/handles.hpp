// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/handle.hpp"

// Private to this folder: what libvirt hands us, owned.
namespace holdfast::libvirt {

using ConnectHandle = Handle<virConnect, virConnectClose>;
using DomainHandle = Handle<virDomain, virDomainFree>;
using SnapshotHandle = Handle<virDomainSnapshot, virDomainSnapshotFree>;
using CString = Handle<char, std::free>;

}  // namespace holdfast::libvirt
