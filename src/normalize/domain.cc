// SPDX-License-Identifier: Apache-2.0
#include <idn2.h>
#include <libpsl.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "leadcore/normalize.h"
#include "normalize/unicode.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kLongestHost = 253;  // RFC 1035, without the length octets of the wire form
constexpr size_t kLongestLabel = 63;

absl::Status CheckLabel(std::string_view label, bool underscores) {
  if (label.empty()) return InvalidArgument("two dots in a row, or a dot at an end, in the domain");
  if (label.size() > kLongestLabel) {
    return InvalidArgument("a part of the domain is longer than 63 characters");
  }
  if (label.front() == '-' || label.back() == '-') {
    return InvalidArgument("a part of the domain begins or ends with a hyphen: '", label, "'");
  }
  for (const char c : label) {
    if (IsAsciiAlnum(static_cast<unsigned char>(c)) || c == '-' || (c == '_' && underscores)) {
      continue;
    }
    if (c == ' ' || c == '\t') return InvalidArgument("a space in the domain");
    if (c < ' ' || c > '~') return InvalidArgument("an invisible character in the domain");
    return InvalidArgument("'", c, "' cannot stand in a domain");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ToALabels(std::string_view host) {
  if (!IsValidUtf8(host)) return InvalidArgument("the domain is not readable text (UTF-8)");
  const std::string text(host);
  uint8_t* output = nullptr;
  const int code = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(text.c_str()), &output,
                                  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (code != IDN2_OK) {
    return InvalidArgument("the domain is no international domain name: ", idn2_strerror(code));
  }
  std::string out(reinterpret_cast<const char*>(output));
  idn2_free(output);
  return out;
}

bool IsNumber(std::string_view label) {
  return !label.empty() &&
         std::ranges::all_of(label, [](unsigned char c) { return IsAsciiDigit(c); });
}

std::string_view LastLabel(std::string_view host) { return host.substr(host.rfind('.') + 1); }

// The host in a web address, a host with a port, or an e-mail address.
std::string_view HostOf(std::string_view text) {
  if (const size_t scheme = text.find("://"); scheme != text.npos) {
    text.remove_prefix(scheme + 3);
  } else if (text.starts_with("//")) {
    text.remove_prefix(2);
  } else if (text.size() > 7 && AsciiLower(text.substr(0, 7)) == "mailto:") {
    text.remove_prefix(7);
  }
  text = text.substr(0, text.find_first_of("/?#\\"));
  if (const size_t at = text.rfind('@'); at != text.npos) text.remove_prefix(at + 1);
  if (text.starts_with('[')) return text;
  const size_t colon = text.find(':');
  if (colon != text.npos && text.find(':', colon + 1) != text.npos) return text;  // IPv6
  return text.substr(0, colon);
}

}  // namespace

absl::StatusOr<std::string> HostToAscii(std::string_view host, bool underscores) {
  if (host.empty()) return InvalidArgument("the domain is missing");
  std::string out;
  const std::string lower = AsciiLower(host);
  const bool has_a_label = lower.starts_with("xn--") || lower.find(".xn--") != lower.npos;
  if (IsAscii(host) && (!has_a_label || underscores)) {
    out = lower;
  } else {
    absl::StatusOr<std::string> labels = ToALabels(has_a_label ? lower : std::string(host));
    if (!labels.ok()) return labels.status();
    out = AsciiLower(*labels);
  }
  if (out.size() > kLongestHost) return InvalidArgument("the domain is longer than 253 characters");
  for (std::string_view rest = out;;) {
    const size_t dot = rest.find('.');
    if (absl::Status status = CheckLabel(rest.substr(0, dot), underscores); !status.ok()) {
      return status;
    }
    if (dot == rest.npos) return out;
    rest.remove_prefix(dot + 1);
  }
}

std::string_view RegistrablePart(const std::string& host) {
  const char* part = psl_registrable_domain(psl_builtin(), host.c_str());
  return part == nullptr ? std::string_view() : std::string_view(part);
}

absl::StatusOr<std::string> RegistrableDomain(std::string_view text) {
  const std::string cleaned = NormalizeText(text);
  std::string_view host = HostOf(cleaned);
  if (host.empty()) return InvalidArgument("no domain in the text");
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.find_first_of("[]:") != host.npos) {
    return InvalidArgument("an IP address has no registrable domain");
  }
  absl::StatusOr<std::string> ascii = HostToAscii(host, true);
  if (!ascii.ok()) return ascii.status();
  if (IsNumber(LastLabel(*ascii))) {
    return InvalidArgument("an IP address has no registrable domain");
  }
  if (ascii->find('.') == std::string::npos) {
    return InvalidArgument("'", *ascii, "' is one word, not a domain such as example.com");
  }
  const std::string_view domain = RegistrablePart(*ascii);
  if (domain.empty()) {
    return InvalidArgument("'", *ascii,
                           "' is a public suffix, under which others register their domains");
  }
  if (domain.find('_') != domain.npos) return InvalidArgument("'_' cannot stand in a domain");
  return std::string(domain);
}

}  // namespace leadcore
