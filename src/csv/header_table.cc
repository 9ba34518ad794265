// SPDX-License-Identifier: Apache-2.0
#include "csv/header_table.h"

#include <algorithm>

namespace leadcore::csv_internal {
namespace {

using enum System;

// Labels and API names of lead exports and lead forms, folded. Names that merely fold to a field's
// own name (First Name, first_name, FirstName) are found without this table.
constexpr KnownHeader kHeaders[] = {
    // Ids of the lead itself; ids of other objects are not the lead's.
    {"id", field::kExternalId},
    {"leadid", field::kExternalId},
    {"recordid", field::kExternalId},
    {"hsobjectid", field::kExternalId},
    {"apollocontactid", field::kExternalId},
    {"donotmodifylead", field::kExternalId},
    {"prospectid", field::kExternalId},
    {"leadnumber", field::kExternalId},

    // The person.
    {"prefix", field::kSalutation},
    {"honorific", field::kSalutation},
    {"givenname", field::kFirstName},
    {"forename", field::kFirstName},
    {"surname", field::kLastName},
    {"familyname", field::kLastName},
    {"suffix", field::kNameSuffix},
    {"name", field::kFullName},
    {"contactname", field::kFullName},
    {"leadname", field::kFullName},
    {"personname", field::kFullName},
    {"leadcontactperson", field::kFullName},
    {"contactperson", field::kFullName},
    {"person", field::kFullName},
    {"contacttitle", field::kJobTitle},
    {"designation", field::kJobTitle},
    {"function", field::kJobTitle},
    {"jobposition", field::kJobTitle},
    {"position", field::kJobTitle},
    {"occupation", field::kJobTitle},
    {"departments", field::kDepartment},
    {"jobdepartment", field::kDepartment},
    {"joblevel", field::kSeniority},

    // E-mail and phone.
    {"emailaddress", field::kEmail},
    {"emailaddress1", field::kEmail},
    {"emailfrom", field::kEmail},
    {"email1", field::kEmail},
    {"mail", field::kEmail},
    {"primaryemail", field::kEmail},
    {"workemail", field::kEmail},
    {"businessemail", field::kEmail},
    {"companyemail", field::kEmail},
    {"contactemail", field::kEmail},
    {"personemail", field::kEmail},
    {"leademail", field::kEmail},
    {"secondaryemail", field::kOtherEmails},
    {"otheremail", field::kOtherEmails},
    {"personalemail", field::kOtherEmails},
    {"additionalemail", field::kOtherEmails},
    {"additionalemails", field::kOtherEmails},
    {"email2", field::kOtherEmails},
    {"emailaddress2", field::kOtherEmails},
    {"phonenumber", field::kPhone},
    {"phone1", field::kPhone},
    {"primaryphone", field::kPhone},
    {"firstphone", field::kPhone},
    {"workphone", field::kPhone},
    {"workphonenumber", field::kPhone},
    {"workdirectphone", field::kPhone},
    {"directphone", field::kPhone},
    {"businessphone", field::kPhone},
    {"phonework", field::kPhone},
    {"contactphone", field::kPhone},
    {"contactphonenumber", field::kPhone},
    {"personphone", field::kPhone},
    {"telephone", field::kPhone},
    {"telephone1", field::kPhone},
    {"telephonenumber", field::kPhone},
    {"tel", field::kPhone},
    {"mobile", field::kMobilePhone},
    {"mobilenumber", field::kMobilePhone},
    {"mobilephonenumber", field::kMobilePhone},
    {"phonemobile", field::kMobilePhone},
    {"cell", field::kMobilePhone},
    {"cellphone", field::kMobilePhone},
    {"fax", field::kOtherPhones, "fax"},
    {"faxnumber", field::kOtherPhones, "fax"},
    {"homephone", field::kOtherPhones, "home"},
    {"phonehome", field::kOtherPhones, "home"},
    {"corporatephone", field::kOtherPhones, "company"},
    {"companyphone", field::kOtherPhones, "company"},
    {"mainphone", field::kOtherPhones, "company"},
    {"otherphone", field::kOtherPhones},
    {"phone2", field::kOtherPhones},
    {"telephone2", field::kOtherPhones},
    {"hslinkedinurl", field::kLinkedinUrl},
    {"personlinkedinurl", field::kLinkedinUrl},
    {"linkedinprofileurl", field::kLinkedinUrl},
    {"linkedinprofile", field::kLinkedinUrl},
    {"linkedin", field::kLinkedinUrl},

    // The company.
    {"companyname", field::kCompany},
    {"associatedcompany", field::kCompany},
    {"associatedcompanyid", field::kCompany},
    {"partnername", field::kCompany},
    {"organization", field::kCompany},
    {"organisation", field::kCompany},
    {"organizationname", field::kCompany},
    {"leadorganization", field::kCompany},
    {"leadorganisation", field::kCompany},
    {"account", field::kCompany},
    {"accountname", field::kCompany},
    {"business", field::kCompany},
    {"businessname", field::kCompany},
    {"employer", field::kCompany},
    {"websiteurl", field::kWebsite},
    {"companywebsite", field::kWebsite},
    {"web", field::kWebsite},
    {"url", field::kWebsite},
    {"companydomain", field::kDomain},
    {"companydomainname", field::kDomain},
    {"jobindustry", field::kIndustry},
    {"companyindustry", field::kIndustry},
    {"noofemployees", field::kEmployeeCount},
    {"numberofemployees", field::kEmployeeCount},
    {"numemployees", field::kEmployeeCount},
    {"employees", field::kEmployeeCount},
    {"companysize", field::kEmployeeCount},
    {"headcount", field::kEmployeeCount},
    {"revenue", field::kAnnualRevenue},
    {"annualsales", field::kAnnualRevenue},
    {"techstack", field::kTechnologies},
    {"technologystack", field::kTechnologies},

    // The address.
    {"address", field::kStreet},
    {"address1", field::kStreet},
    {"addressline1", field::kStreet},
    {"streetaddress", field::kStreet},
    {"street1", field::kStreet},
    {"address1line1", field::kStreet},
    {"address2", field::kStreet2},
    {"addressline2", field::kStreet2},
    {"address1line2", field::kStreet2},
    {"town", field::kCity},
    {"suburb", field::kCity},
    {"address1city", field::kCity},
    {"state", field::kRegion},
    {"stateid", field::kRegion},
    {"statecode", field::kRegion},
    {"stateregion", field::kRegion},
    {"stateprovince", field::kRegion},
    {"stateorprovince", field::kRegion},
    {"address1stateorprovince", field::kRegion},
    {"province", field::kRegion},
    {"zip", field::kPostalCode},
    {"zipcode", field::kPostalCode},
    {"postcode", field::kPostalCode},
    {"postalzipcode", field::kPostalCode},
    {"zippostalcode", field::kPostalCode},
    {"address1postalcode", field::kPostalCode},
    {"countryregion", field::kCountry},
    {"countrycode", field::kCountry},
    {"countryid", field::kCountry},
    {"address1country", field::kCountry},
    {"langid", field::kLanguage},
    {"preferredlanguage", field::kLanguage},
    {"timezone", field::kTimeZone},

    // Where it came from.
    {"leadsource", field::kSource},
    {"leadsourcecode", field::kSource},
    {"originalsource", field::kSource},
    {"hsanalyticssource", field::kSource},
    {"sourcename", field::kSource},
    {"leadsourcedetail", field::kSourceDetail},
    {"campaign", field::kUtmCampaign},
    {"campaignname", field::kUtmCampaign},
    {"sourcecampaign", field::kUtmCampaign},
    {"referred", field::kReferrer},
    {"referredby", field::kReferrer},
    {"referrerurl", field::kReferrer},
    {"gclid", field::kClickId},
    {"fbclid", field::kClickId},
    {"leadcost", field::kAcquisitionCost},

    // The work on it.
    {"leadqualitycode", field::kRating},
    {"leadrating", field::kRating},
    {"leadpriority", field::kPriority},
    {"tag", field::kTags},
    {"tagids", field::kTags},
    {"labels", field::kTags},
    {"lists", field::kTags},
    {"subject", field::kTopic},
    {"leadtitle", field::kTopic},
    {"notes", field::kDescription},
    {"note", field::kDescription},
    {"comments", field::kDescription},
    {"comment", field::kDescription},
    {"message", field::kDescription},
    {"donotemail", field::kDoNotEmail},
    {"donotcall", field::kDoNotCall},
    {"emailoptout", field::kOptedOut},
    {"hasoptedoutofemail", field::kOptedOut},
    {"optedout", field::kOptedOut},
    {"optout", field::kOptedOut},
    {"unsubscribed", field::kOptedOut},
    {"dateofbirth", field::kBirthday},
    {"birthdate", field::kBirthday},
    {"dob", field::kBirthday},

    // State and times.
    {"leadstatus", field::kStatus},
    {"hsleadstatus", field::kStatus},
    {"statusreason", field::kStatus},
    {"statuscode", field::kStatus},
    {"stageid", field::kStatus},
    {"lifecyclestage", field::kStage},
    {"lostreason", field::kUnqualifiedReason},
    {"lostreasonid", field::kUnqualifiedReason},
    {"disqualificationreason", field::kUnqualifiedReason},
    {"ownerid", field::kOwner},
    {"recordowner", field::kOwner},
    {"contactowner", field::kOwner},
    {"leadowner", field::kOwner},
    {"hubspotownerid", field::kOwner},
    {"salesperson", field::kOwner},
    {"assignedto", field::kOwner},
    {"createddate", field::kCreateTime},
    {"createdate", field::kCreateTime},
    {"createdtime", field::kCreateTime},
    {"createdat", field::kCreateTime},
    {"createdon", field::kCreateTime},
    {"datecreated", field::kCreateTime},
    {"leadcreated", field::kCreateTime},
    {"leadleadcreated", field::kCreateTime},
    {"addtime", field::kCreateTime},
    {"modifieddate", field::kUpdateTime},
    {"lastmodifieddate", field::kUpdateTime},
    {"modifiedtime", field::kUpdateTime},
    {"modifiedon", field::kUpdateTime},
    {"donotmodifymodifiedon", field::kUpdateTime},
    {"leadupdatetime", field::kUpdateTime},
    {"updatedat", field::kUpdateTime},
    {"updatedate", field::kUpdateTime},
    {"assignmentdate", field::kAssignTime},
    {"dateopen", field::kAssignTime},
    {"converteddate", field::kConvertTime},
    {"converteddatetime", field::kConvertTime},
    {"nextactiondate", field::kNextActionDue},
    {"followupdate", field::kNextActionDue},
    {"lastcontacted", field::kLastActivityTime},
};

constexpr KnownHeader kOdooHeaders[] = {
    {"opportunity", field::kTopic},      {"name", field::kTopic},
    {"title", field::kSalutation},       {"stage", field::kStatus},
    {"source", field::kUtmSource},       {"sourceid", field::kUtmSource},
    {"medium", field::kUtmMedium},       {"mediumid", field::kUtmMedium},
    {"campaignid", field::kUtmCampaign}, {"userid", field::kOwner},
};
constexpr KnownHeader kPipedriveHeaders[] = {{"title", field::kTopic}};
constexpr KnownHeader kDynamicsHeaders[] = {{"campaignid", field::kUtmCampaign}};
constexpr KnownHeader kApolloHeaders[] = {{"stage", field::kStatus}};
constexpr KnownHeader kMetaHeaders[] = {{"platform", field::kSource}};

// Words that only one system writes.
struct Marker {
  std::string_view name;
  System system;
};
constexpr Marker kMarkers[] = {
    {"jobposition", kOdoo},
    {"partnername", kOdoo},
    {"emailfrom", kOdoo},
    {"salesteam", kOdoo},
    {"teamid", kOdoo},
    {"expectedrevenue", kOdoo},
    {"expectedclosing", kOdoo},
    {"lostreasonid", kOdoo},
    {"addtime", kPipedrive},
    {"leadcreator", kPipedrive},
    {"emailaddress1", kDynamics},
    {"leadsourcecode", kDynamics},
    {"donotmodifylead", kDynamics},
    {"donotmodifyrowchecksum", kDynamics},
    {"apollocontactid", kApollo},
    {"personlinkedinurl", kApollo},
    {"companynameforemails", kApollo},
    {"adsetid", kMeta},
    {"adsetname", kMeta},
    {"isorganic", kMeta},
};

std::span<const KnownHeader> HeadersOf(System system) {
  switch (system) {
    case kOdoo:
      return kOdooHeaders;
    case kPipedrive:
      return kPipedriveHeaders;
    case kDynamics:
      return kDynamicsHeaders;
    case kApollo:
      return kApolloHeaders;
    case kMeta:
      return kMetaHeaders;
    case kAny:
      break;
  }
  return kHeaders;
}

}  // namespace

std::string FoldHeader(std::string_view header) {
  std::string out;
  for (const char c : header) {
    if (c >= 'A' && c <= 'Z') {
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) != 0) {
      out.push_back(c);
    }
  }
  return out;
}

System DetectSystem(std::span<const std::string> folded) {
  for (const std::string& header : folded) {
    for (const Marker& marker : kMarkers) {
      if (header == marker.name) return marker.system;
    }
  }
  return kAny;
}

const KnownHeader* FindKnownHeader(std::string_view folded, System system) {
  for (const KnownHeader& known : HeadersOf(system)) {
    if (known.name == folded) return &known;
  }
  return nullptr;
}

}  // namespace leadcore::csv_internal
