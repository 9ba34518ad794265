# SPDX-License-Identifier: Apache-2.0
# What leadcore links, in one list: read by this build and, installed beside leadcore-config.cmake,
# by every project that says find_package(leadcore). Sets leadcore_missing to what was not found.
# Debian 12 ships CMake packages for Abseil only; the rest comes by CMake's own modules, by
# pkg-config, or (libcsv) by looking for the file.
set(leadcore_missing)

find_package(absl QUIET)
if(NOT absl_FOUND)
  list(APPEND leadcore_missing "Abseil (libabsl-dev)")
endif()

find_package(Protobuf 3.21 QUIET MODULE)
if(NOT TARGET protobuf::libprotobuf)
  list(APPEND leadcore_missing "Protocol Buffers 3.21 or newer (libprotobuf-dev)")
endif()

find_package(SQLite3 3.40 QUIET)
if(NOT SQLite3_FOUND)
  list(APPEND leadcore_missing "SQLite 3.40 or newer (libsqlite3-dev)")
endif()

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  foreach(leadcore_module re2 libutf8proc libidn2 libpsl libsodium)
    pkg_check_modules(leadcore_${leadcore_module} QUIET IMPORTED_TARGET ${leadcore_module})
    if(NOT leadcore_${leadcore_module}_FOUND)
      string(REGEX REPLACE "^lib" "" leadcore_package ${leadcore_module})
      list(APPEND leadcore_missing "${leadcore_module} (lib${leadcore_package}-dev)")
    endif()
  endforeach()
else()
  list(APPEND leadcore_missing "pkg-config (pkgconf)")
endif()

find_library(LEADCORE_CSV_LIBRARY csv)
find_path(LEADCORE_CSV_INCLUDE_DIR csv.h)
mark_as_advanced(LEADCORE_CSV_LIBRARY LEADCORE_CSV_INCLUDE_DIR)
if(NOT LEADCORE_CSV_LIBRARY OR NOT LEADCORE_CSV_INCLUDE_DIR)
  list(APPEND leadcore_missing "libcsv (libcsv-dev)")
elseif(NOT TARGET leadcore::csv)
  add_library(leadcore::csv UNKNOWN IMPORTED)
  set_target_properties(leadcore::csv PROPERTIES
    IMPORTED_LOCATION "${LEADCORE_CSV_LIBRARY}"
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${LEADCORE_CSV_INCLUDE_DIR}")
endif()
