// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "leadcore/normalize.h"
#include "normalize/unicode.h"
#include "text.h"

namespace leadcore {
namespace {

#include "normalize/email_lists.inc"

constexpr size_t kLongestLocal = 64;     // RFC 5321, 4.5.3.1.1
constexpr size_t kLongestAddress = 254;  // RFC 5321, 4.5.3.1.3: a path of 256 with its brackets

using StringSet = absl::flat_hash_set<std::string>;

bool IsAtext(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return IsAsciiAlnum(byte) || byte >= 0x80 ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// ---- Around the address -------------------------------------------------------------------------

absl::StatusOr<std::string> PercentDecoded(std::string_view text) {
  const auto digit = [](char c) {
    const char lower = AsciiLower(c);
    if (lower >= '0' && lower <= '9') return lower - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return InvalidArgument("'%' without two hexadecimal digits");
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

// Spaces and tabs of any script at both ends go; line breaks stay, and are refused later: an
// address with a line break in it has been used to smuggle mail headers.
std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpaces[] = {" ",      "\t",     "\u00a0", "\u200b",
                                          "\ufeff", "\u3000", "\u200e", "\u202f",
                                          "\u202a", "\u202c", "\u2060", "\u2009"};
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view space : kSpaces) {
      while (text.starts_with(space)) {
        text.remove_prefix(space.size());
        again = true;
      }
      while (text.ends_with(space)) {
        text.remove_suffix(space.size());
        again = true;
      }
    }
  }
  return text;
}

// The address within "mailto:", "<...>" and a display name.
absl::StatusOr<std::string> Unwrapped(std::string_view text) {
  text = Trimmed(text);
  if (text.ends_with('>')) {
    // The display name may be quoted and hold a '<'; the address, a quoted '>' : the last '<' that
    // is outside of quotes opens it.
    size_t open = std::string_view::npos;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\' && quoted) {
        ++i;
      } else if (text[i] == '"') {
        quoted = !quoted;
      } else if (text[i] == '<' && !quoted) {
        open = i;
      }
    }
    if (open == std::string_view::npos) return InvalidArgument("'>' without '<'");
    text = Trimmed(text.substr(open + 1, text.size() - open - 2));
  }
  constexpr std::string_view kMailto = "mailto:";
  if (AsciiLower(text.substr(0, kMailto.size())) != kMailto) return std::string(text);
  text.remove_prefix(kMailto.size());
  absl::StatusOr<std::string> decoded = PercentDecoded(text.substr(0, text.find('?')));
  if (!decoded.ok()) return decoded;
  return std::string(Trimmed(*decoded));
}

// ---- Local part ---------------------------------------------------------------------------------

absl::Status WrongCharacter(char c) {
  if (c == ' ' || c == '\t') return InvalidArgument("a space in the address");
  if (c == '\n' || c == '\r') return InvalidArgument("a line break in the address");
  if (c < ' ' || c > '~') return InvalidArgument("an invisible character in the address");
  if (c == '(' || c == ')') return InvalidArgument("a comment in the address; leave it out");
  if (c == ',' || c == ';') return InvalidArgument("'", c, "': more than one address, or a typo");
  if (c == '@') return InvalidArgument("more than one '@' in the address");
  return InvalidArgument("'", c, "' cannot stand before the '@'");
}

absl::StatusOr<size_t> ScanQuoted(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') return i + 1;
    const bool printable = static_cast<unsigned char>(c) >= 0x80 || (c >= ' ' && c <= '~');
    if (!printable) return WrongCharacter(c);
    if (c != '\\') continue;
    ++i;
    if (i == text.size()) break;
    if (text[i] < ' ' || text[i] > '~') {
      return InvalidArgument("a '\\' before something that cannot be quoted");
    }
  }
  return InvalidArgument("a quotation mark without its partner");
}

absl::StatusOr<size_t> ScanDotted(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && (IsAtext(text[i]) || text[i] == '.')) ++i;
  if (i == text.size()) return InvalidArgument("no '@' in the address");
  if (text[i] != '@') return WrongCharacter(text[i]);
  if (i == 0) return InvalidArgument("nothing before the '@'");
  const std::string_view local = text.substr(0, i);
  if (local.front() == '.') return InvalidArgument("a dot at the start of the address");
  if (local.back() == '.') return InvalidArgument("a dot right before the '@'");
  if (local.find("..") != local.npos) return InvalidArgument("two dots in a row before the '@'");
  return i;
}

// Length of the local part that `text` starts with, up to its '@'.
absl::StatusOr<size_t> ScanLocal(std::string_view text) {
  const bool quoted = text.starts_with('"');
  absl::StatusOr<size_t> size = quoted ? ScanQuoted(text) : ScanDotted(text);
  if (!size.ok()) return size;
  if (*size == text.size()) return InvalidArgument("no '@' in the address");
  if (text[*size] != '@') {
    return InvalidArgument("the quoted part before the '@' must be all that stands there");
  }
  if (*size > kLongestLocal) {
    return InvalidArgument("more than 64 characters before the '@'");
  }
  return size;
}

// What a quoted local part says: "a\b" -> ab.
std::string Unquoted(std::string_view local) {
  if (!local.starts_with('"')) return std::string(local);
  std::string out;
  for (size_t i = 1; i + 1 < local.size(); ++i) {
    if (local[i] == '\\') ++i;
    out.push_back(local[i]);
  }
  return out;
}

bool IsDotString(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.back() != '.' &&
         text.find("..") == text.npos &&
         std::ranges::all_of(text, [](char c) { return c == '.' || IsAtext(c); });
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

// ---- Domain and address literal -----------------------------------------------------------------

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = 0;;) {
    const size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end - at));
    if (end == text.npos) return parts;
    at = end + 1;
  }
}

bool IsIpv4(std::string_view text) {
  const std::vector<std::string_view> parts = Split(text, '.');
  return parts.size() == 4 && std::ranges::all_of(parts, [](std::string_view part) {
           if (part.empty() || part.size() > 3) return false;
           int value = 0;
           for (const char c : part) {
             if (!IsAsciiDigit(static_cast<unsigned char>(c))) return false;
             value = value * 10 + (c - '0');
           }
           return value <= 255;
         });
}

bool IsHexGroup(std::string_view text) {
  return !text.empty() && text.size() <= 4 && std::ranges::all_of(text, [](char c) {
    return IsAsciiDigit(static_cast<unsigned char>(c)) ||
           (AsciiLower(c) >= 'a' && AsciiLower(c) <= 'f');
  });
}

// How many 16-bit groups `text` stands for; -1 when it is no row of groups.
int CountGroups(std::string_view text, bool may_end_in_ipv4) {
  if (text.empty()) return 0;
  int groups = 0;
  const std::vector<std::string_view> parts = Split(text, ':');
  for (size_t i = 0; i < parts.size(); ++i) {
    if (IsHexGroup(parts[i])) {
      ++groups;
    } else if (may_end_in_ipv4 && i + 1 == parts.size() && IsIpv4(parts[i])) {
      groups += 2;
    } else {
      return -1;
    }
  }
  return groups;
}

// RFC 5321, 4.1.3: "::" stands for two groups at least.
bool IsIpv6(std::string_view text) {
  const size_t gap = text.find("::");
  if (gap == text.npos) return CountGroups(text, true) == 8;
  const int before = CountGroups(text.substr(0, gap), false);
  const int after = CountGroups(text.substr(gap + 2), true);
  return before >= 0 && after >= 0 && before + after <= 6;
}

absl::StatusOr<std::string> CheckLiteral(std::string_view text) {
  if (!text.ends_with(']')) return InvalidArgument("'[' without ']' at the end of the address");
  const std::string inner = AsciiLower(text.substr(1, text.size() - 2));
  constexpr std::string_view kIpv6 = "ipv6:";
  if (inner.starts_with(kIpv6)) {
    const std::string address = inner.substr(kIpv6.size());
    if (!IsIpv6(address)) return InvalidArgument("no IPv6 address within the brackets");
    return Cat("[IPv6:", address, "]");
  }
  if (!IsIpv4(inner)) return InvalidArgument("no IP address within the brackets");
  return Cat("[", inner, "]");
}

absl::StatusOr<std::string> CheckDomain(std::string_view text) {
  if (text.empty()) return InvalidArgument("nothing after the '@'");
  if (text.starts_with('[')) return CheckLiteral(text);
  for (const char c : text) {
    const bool hostile = c == '@' || c == ',' || c == ';' || c == '(' || c == ')' || c == '\n' ||
                         c == '\r' || c == ' ' || c == '\t';
    if (hostile) return WrongCharacter(c);
  }
  absl::StatusOr<std::string> domain = HostToAscii(text, false);
  if (!domain.ok()) return domain;
  const std::string last = domain->substr(domain->rfind('.') + 1);
  const bool number = std::ranges::all_of(last, [](unsigned char c) { return IsAsciiDigit(c); });
  if (number) return InvalidArgument("the domain ends in a number; an IP address needs [brackets]");
  // RFC 5321, 2.3.5, knows mailboxes at a top-level domain ("x@ai"); no registry may have any (RFC
  // 7085), and what people type so is "bob@gmail".
  if (last.size() == domain->size()) {
    return InvalidArgument("the domain '", *domain, "' is incomplete; perhaps '.com' is missing");
  }
  return domain;
}

// ---- Canonical form -----------------------------------------------------------------------------

// Domains of one provider whose mailboxes are the same under each of them.
std::string_view CanonicalDomain(std::string_view domain) {
  static constexpr std::array<std::string_view, 2> kSame[] = {
      {"googlemail.com", "gmail.com"}, {"me.com", "icloud.com"},       {"mac.com", "icloud.com"},
      {"protonmail.com", "proton.me"}, {"protonmail.ch", "proton.me"}, {"pm.me", "proton.me"},
      {"ya.ru", "yandex.ru"},          {"yandex.com", "yandex.ru"},    {"yandex.by", "yandex.ru"},
      {"yandex.kz", "yandex.ru"},      {"yandex.ua", "yandex.ru"},
  };
  for (const auto& [from, to] : kSame) {
    if (domain == from) return to;
  }
  return domain;
}

// What the provider ignores in a local part, by its own help pages: Gmail dots; Proton dots,
// hyphens and underscores; Yandex takes dots for hyphens. Yahoo's "base-keyword" addresses stay
// apart: a hyphen does not tell that the base is the owner's name.
void DropIgnored(std::string_view domain, std::string* local) {
  const std::string before = *local;
  if (domain == "gmail.com") {
    std::erase(*local, '.');
  } else if (domain == "proton.me") {
    std::erase_if(*local, [](char c) { return c == '.' || c == '-' || c == '_'; });
  } else if (domain == "yandex.ru") {
    std::ranges::replace(*local, '.', '-');
  }
  if (local->empty()) *local = before;
}

// The mailbox that the local part names: lower case, without its tag.
std::string CanonicalLocal(std::string_view local, std::string_view domain) {
  std::string out = CaseFold(Unquoted(local));
  const size_t plus = out.find('+');
  if (plus != std::string::npos && plus > 0) out.resize(plus);
  DropIgnored(domain, &out);
  return out;
}

void Fill(StringSet* set, const auto& names) {
  set->reserve(std::size(names));
  for (const std::string_view name : names) set->emplace(name);
}

}  // namespace

std::string_view EmailKindName(EmailKind kind) {
  switch (kind) {
    case EmailKind::kBusiness:
      return "business";
    case EmailKind::kFree:
      return "free";
    case EmailKind::kRole:
      return "role";
    case EmailKind::kDisposable:
      return "disposable";
  }
  return "";
}

struct EmailLists::Sets {
  StringSet free, disposable, role;

  static bool HasDomain(const StringSet& set, std::string_view domain) {
    if (domain.empty() || domain.front() == '[') return false;
    const std::string lower = AsciiLower(domain);
    if (set.contains(lower)) return true;
    if (std::ranges::count(lower, '.') < 2) return false;  // there is nothing above it
    const std::string_view parent = RegistrablePart(lower);
    return !parent.empty() && parent.size() < lower.size() && set.contains(ToAbsl(parent));
  }
};

EmailLists::EmailLists() : sets_(std::make_unique<Sets>()) {
  Fill(&sets_->free, kFreeDomains);
  Fill(&sets_->disposable, kDisposableDomains);
  Fill(&sets_->role, kRoleNames);
}
EmailLists::~EmailLists() = default;
EmailLists::EmailLists(EmailLists&&) noexcept = default;
EmailLists& EmailLists::operator=(EmailLists&&) noexcept = default;

absl::Status EmailLists::Add(EmailKind kind, std::span<const std::string> entries) {
  if (kind == EmailKind::kBusiness) {
    return InvalidArgument("there is no list of business domains: it is what no other list holds");
  }
  std::vector<std::string> good;
  for (const std::string& entry : entries) {
    const std::string_view text = Trimmed(entry);
    if (kind == EmailKind::kRole) {
      if (!IsValidUtf8(text) || !IsDotString(text) || text.size() > kLongestLocal) {
        return InvalidArgument("'", entry, "' cannot stand before the '@' of an address");
      }
      good.push_back(CaseFold(text));
      continue;
    }
    absl::StatusOr<std::string> domain = HostToAscii(text, false);
    if (!domain.ok()) return InvalidArgument("'", entry, "': ", Message(domain.status()));
    if (domain->find('.') == std::string::npos) {
      return InvalidArgument("'", entry, "' is one word, not a domain such as example.com");
    }
    good.push_back(*std::move(domain));
  }
  StringSet& set = kind == EmailKind::kRole   ? sets_->role
                   : kind == EmailKind::kFree ? sets_->free
                                              : sets_->disposable;
  for (std::string& entry : good) set.insert(std::move(entry));
  return absl::OkStatus();
}

bool EmailLists::IsFree(std::string_view domain) const {
  return Sets::HasDomain(sets_->free, domain);
}

bool EmailLists::IsDisposable(std::string_view domain) const {
  return Sets::HasDomain(sets_->disposable, domain);
}

bool EmailLists::IsRole(std::string_view local_part) const {
  return sets_->role.contains(CaseFold(local_part));
}

absl::StatusOr<EmailAddress> NormalizeEmail(std::string_view text, const EmailLists& lists) {
  if (!IsUtf8(text)) return InvalidArgument("the address is not readable text (UTF-8)");
  const absl::StatusOr<std::string> address = Unwrapped(text);
  if (!address.ok()) return address.status();
  if (address->empty()) return InvalidArgument("the address is empty");
  if (!IsUtf8(*address)) return InvalidArgument("the address is not readable text (UTF-8)");
  const absl::StatusOr<size_t> size = ScanLocal(*address);
  if (!size.ok()) return size.status();
  const std::string local = address->substr(0, *size);
  for (const char32_t point : IsAscii(local) ? std::u32string() : Decode(local)) {
    if (point < 0x80) continue;
    if (IsUnicodeSpace(point)) return WrongCharacter(' ');
    if (IsInvisible(point)) return WrongCharacter('\x7f');
  }
  absl::StatusOr<std::string> domain = CheckDomain(std::string_view(*address).substr(*size + 1));
  if (!domain.ok()) return domain.status();

  EmailAddress out;
  out.domain = *std::move(domain);
  out.address = Cat(local, "@", out.domain);
  if (out.address.size() > kLongestAddress) {
    return InvalidArgument("the address is longer than 254 characters");
  }
  const std::string_view mailbox_domain = CanonicalDomain(out.domain);
  const std::string mailbox = CanonicalLocal(local, mailbox_domain);
  out.canonical = Cat(IsDotString(mailbox) ? mailbox : Quoted(mailbox), "@", mailbox_domain);
  out.kind = lists.IsRole(mailbox)            ? EmailKind::kRole
             : lists.IsDisposable(out.domain) ? EmailKind::kDisposable
             : lists.IsFree(out.domain)       ? EmailKind::kFree
                                              : EmailKind::kBusiness;
  return out;
}

}  // namespace leadcore
