// SPDX-License-Identifier: Apache-2.0
//
// Normal forms of what people type: e-mail, phone, person and company names, web domains, places.
//
// Every function here is pure: same input, same answer, on every machine; no locale, no clock, no
// file, no shared state. All are safe to call from any number of threads. Inputs are UTF-8 and are
// borrowed for the call; results own their text.
//
// A value that has no normal form comes back as INVALID_ARGUMENT whose message is the reason, in
// words for the person who has to mend it ("no '@' in the address"). The caller keeps the original
// text, records the reason, and never makes a key of it.
#ifndef LEADCORE_NORMALIZE_H_
#define LEADCORE_NORMALIZE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace leadcore {

// Raised whenever any function below changes an answer: a store keeps it beside its keys, so that
// an engine with another version re-keys the database or refuses it.
inline constexpr int kNormalizerVersion = 1;

// ---- Text -------------------------------------------------------------------------------------

// Unicode white space (and zero-width space) trimmed from both ends, inner runs made one space,
// control characters dropped, composed to NFC. Invalid UTF-8 bytes become U+FFFD.
std::string NormalizeText(std::string_view text);

// For comparing, never for showing: NFKC, full case folding, accents and punctuation removed
// ("Strauß-Müller" -> "strauss muller"), white space collapsed.
std::string FoldText(std::string_view text);

// True when `text` is well-formed UTF-8 without NUL.
bool IsValidUtf8(std::string_view text);

// ---- E-mail -----------------------------------------------------------------------------------

enum class EmailKind : uint8_t { kBusiness, kFree, kRole, kDisposable };

// "business", "free", "role", "disposable": the values of the field email_kind (which also knows
// "invalid", for an address that NormalizeEmail refuses).
std::string_view EmailKindName(EmailKind kind);

// The lists behind EmailKind. The default-constructed object holds the short built-in lists; longer
// ones are added by whoever has them. Thread-compatible: share it const once it is filled.
class EmailLists {
 public:
  EmailLists();
  ~EmailLists();
  EmailLists(EmailLists&&) noexcept;
  EmailLists& operator=(EmailLists&&) noexcept;

  // `entries` are domains (kFree, kDisposable) or local parts (kRole); case does not matter.
  // kBusiness is refused with INVALID_ARGUMENT, as is an entry that is no domain or local part;
  // nothing is added then.
  absl::Status Add(EmailKind kind, std::span<const std::string> entries);

  // A domain counts with its subdomains' registrable parent ("mail.yahoo.co.uk" is free).
  bool IsFree(std::string_view domain) const;
  bool IsDisposable(std::string_view domain) const;
  bool IsRole(std::string_view local_part) const;

 private:
  struct Sets;
  std::unique_ptr<Sets> sets_;
};

struct EmailAddress {
  std::string address;    // for sending: local part as written, domain in lower-case A-labels
  std::string canonical;  // for keys: lower-case, +tag dropped, provider's dots dropped, googlemail
                          // -> gmail; two spellings of one mailbox have the same canonical form
  std::string domain;     // lower-case A-labels
  EmailKind kind = EmailKind::kBusiness;  // role beats disposable beats free
};

// Accepts one RFC 5321 mailbox (dot-string or quoted-string local part, domain or address literal,
// UTF-8 local parts by RFC 6531, U-label domains by IDNA 2008), with "mailto:", "<...>" and a
// display name around it.
absl::StatusOr<EmailAddress> NormalizeEmail(std::string_view text, const EmailLists& lists);

// ---- Phone ------------------------------------------------------------------------------------

struct PhoneNumber {
  std::string e164;       // "+14155550100"
  std::string extension;  // digits, empty when there is none
  std::string region;     // ISO 3166-1 alpha-2 of the number's plan; "001" for non-geographic ones
  bool valid = false;     // its range is in the numbering plan; false: only its length fits
};

// The answer of libphonenumber (Parse, Format E164, IsValidNumber) by a compact table generated
// from the same metadata. `default_region` (ISO 3166-1 alpha-2, may be empty) reads numbers without
// "+". Accepts tel: URIs, vanity letters, full-width digits and "x123", "ext. 123", ";ext=123".
absl::StatusOr<PhoneNumber> NormalizePhone(std::string_view text, std::string_view default_region);

// Release of the metadata behind the table, for example "8.12.57".
std::string_view PhoneTableRelease();

// ---- People and companies ---------------------------------------------------------------------

struct PersonName {
  std::string salutation;  // "Dr.", "Ms."
  std::string first;
  std::string middle;
  std::string last;    // with its particles: "van der Berg"
  std::string suffix;  // "Jr.", "III", "PhD"
  std::string full;    // put together for showing, without salutation
};

// Splits and cases one person's name: "DR. JAN VAN DER BERG jr" and "van der Berg, Jan, Jr.".
// Mixed case is kept as its owner wrote it ("McDonald", "de Souza"); all-upper and all-lower text
// is cased by rules. Fails when nothing is left that could be a name ("n/a", "-", "unknown", digits
// only).
absl::StatusOr<PersonName> NormalizePersonName(std::string_view text);

// One part alone (a first_name or last_name column): trimmed, cased as above.
std::string NormalizeNamePart(std::string_view text);

struct CompanyName {
  std::string name;  // for showing: trimmed, legal form kept
  std::string core;  // for keys: folded, legal forms, punctuation and "the" dropped, "&" = "and"
  std::string legal_form;  // "Inc.", "GmbH & Co. KG"; empty when none
};

// Fails when nothing is left that could be a name.
absl::StatusOr<CompanyName> NormalizeCompany(std::string_view text);

// ---- Domains and places -----------------------------------------------------------------------

// The registrable domain (public suffix plus one label) of a web address, host or e-mail domain, in
// lower-case A-labels: "https://www.Shop.example.co.uk:443/x?y" -> "example.co.uk". Fails for IP
// addresses, bare public suffixes and single labels.
absl::StatusOr<std::string> RegistrableDomain(std::string_view text);

// ISO 3166-1 alpha-2 from a name, alpha-2 or alpha-3 code in common spellings and languages ("USA",
// "U.S.", "Deutschland", "United Kingdom", "UK", "Viet Nam").
absl::StatusOr<std::string> NormalizeCountry(std::string_view text);

// The English short name of an alpha-2 code; empty when unknown.
std::string_view CountryName(std::string_view alpha2);

// ISO 3166-2 subdivision code without the country ("CA" for "Calif." in "US", "BY" for "Bayern" in
// "DE") where known (US, CA, AU, GB nations, DE, FR regions, IT, ES, BR, IN, MX, JP …); else the
// text trimmed. Never fails.
std::string NormalizeRegion(std::string_view text, std::string_view country);

// Upper case, inner spaces by the country's own pattern ("sw1a1aa" -> "SW1A 1AA", "K1A0B1" ->
// "K1A 0B1", lost leading zeros of US ZIP codes restored); fails when the country's pattern is
// known and the text does not fit it.
absl::StatusOr<std::string> NormalizePostalCode(std::string_view text, std::string_view country);

}  // namespace leadcore

#endif  // LEADCORE_NORMALIZE_H_
