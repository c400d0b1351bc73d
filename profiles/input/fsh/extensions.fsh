// Our extensions. One holds what a referral says and R4 has no element for, or what a pathway needs; none changes the
// meaning of what it stands on. A new one is a paragraph here and a line in the mapping that writes it.

Extension: AddressType
Id: address-type
Title: "Adressetype"
Description: "The address type (3401) as the message has it, where neither Address.use nor Address.type can say it."
Context: Address
* value[x] 1..1
* value[x] only code

Extension: AdmissionCategory
Id: admission-category
Title: "Innleggelseskategori"
Description: "Henvisning 1.x Service/AdmCat (8240)."
Context: ServiceRequest
* value[x] 1..1
* value[x] only CodeableConcept

Extension: DocumentAnnotation
Id: annotation
Title: "Merknad til dokumentet"
Description: "Hodemelding Document/Annotation."
Context: DocumentReference
* value[x] 1..1
* value[x] only string

Extension: ApprovedOn
Id: approved-on
Title: "Godkjent dato"
Description: "AnsvarForRapport/GodkjentDato: when the person approved the report."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only date

Extension: AssignmentDecision
Id: assignment-decision
Title: "Hvem som spørres, og hvorfor"
Description: "The rule by which the owner of an assignment was asked, whom it names, why (in Norwegian and English), and what was not known: age, coordinator, services … Confirm: the coordinating unit is to confirm it. It stands in the requester's own copy alone."
Context: Task
* extension contains rule 1..1 and who 1..1 and who-en 0..1 and nb 1..1 and en 1..1 and unknown 0..* and confirm 0..1
* extension[rule].value[x] 1..1
* extension[rule].value[x] only string
* extension[who].value[x] 1..1
* extension[who].value[x] only string
* extension[who-en].value[x] 1..1
* extension[who-en].value[x] only string
* extension[nb].value[x] 1..1
* extension[nb].value[x] only string
* extension[en].value[x] 1..1
* extension[en].value[x] only string
* extension[unknown].value[x] 1..1
* extension[unknown].value[x] only code
* extension[confirm].value[x] 1..1
* extension[confirm].value[x] only boolean

Extension: AssignmentStanding
Id: assignment-standing
Title: "Hvordan tildelingen ligger an"
Description: "How an assignment stands as this service sees it: not answered by its deadline, or not delivered. It is never sent, and its owner's businessStatus is another matter."
Context: Task
* value[x] 1..1
* value[x] only code
* value[x] from AssignmentStandingCode (required)

Extension: BasisForHealthServices
Id: basis-for-health-services
Title: "Grunnlag for helsehjelp"
Description: "BasisForHealthServices (8246)."
Context: ServiceRequest
* value[x] 1..1
* value[x] only CodeableConcept

Extension: BirthYear
Id: birth-year
Title: "Fødselsår, mindreårig pårørende"
Description: "FodselsarMindrearigParorende, where a full birth date is also known."
Context: RelatedPerson
* value[x] 1..1
* value[x] only date

Extension: CodedText
Id: coded-text
Title: "Kodet tekst"
Description: "A code that belongs to a text (CodedComment, or a TextCode without a code system)."
Context: Annotation, CodeableConcept
* value[x] 1..1
* value[x] only CodeableConcept

Extension: Comparator
Id: comparator
Title: "Aritmetisk komparator"
Description: "ArithmeticComp, where Quantity.comparator has no such code."
Context: Observation
* value[x] 1..1
* value[x] only code

Extension: Compression
Id: compression
Title: "Komprimering"
Description: "RefDoc/Compression: the content is compressed in this way, and is kept so."
Context: DocumentReference
* value[x] 1..1
* value[x] only CodeableConcept

Extension: DocumentConsent
Id: consent
Title: "Samtykke til dokumentet"
Description: "Hodemelding Document/Consent."
Context: DocumentReference
* value[x] 1..1
* value[x] only CodeableConcept

Extension: ContentDescription
Id: content-description
Title: "Beskrivelse av innhold"
Description: "Hodemelding Document/ContentDescription, where RefDoc/Description is given too."
Context: DocumentReference
* value[x] 1..1
* value[x] only string

Extension: CopyReceiver
Id: copy-receiver
Title: "Kopimottaker"
Description: "OtherReceiver or CopyDest: who else got the referral, and as what (8112)."
Context: ServiceRequest
* extension contains receiver 1..1 and role 0..1
* extension[receiver].value[x] 1..1
* extension[receiver].value[x] only Reference
* extension[role].value[x] 1..1
* extension[role].value[x] only CodeableConcept

Extension: CountryCode
Id: country-code
Title: "Landkode"
Description: "The code of the country, where its name stands in Address.country."
Context: Address
* value[x] 1..1
* value[x] only CodeableConcept

Extension: DiagnosisModifier
Id: diagnosis-modifier
Title: "Moderator"
Description: "Diagnosis/Modifier (7305): a name and its values."
Context: Condition
* extension contains name 1..1 and value 0..*
* extension[name].value[x] 1..1
* extension[name].value[x] only CodeableConcept
* extension[value].value[x] 1..1
* extension[value].value[x] only CodeableConcept

Extension: DistrictCode
Id: district-code
Title: "Bydelskode"
Description: "The code of the city district, where its name stands in Address.district."
Context: Address
* value[x] 1..1
* value[x] only CodeableConcept

Extension: Dose
Id: dose
Title: "Dose"
Description: "UnitDose of a drug that the patient is allergic to or must not have."
Context: AllergyIntolerance
* value[x] 1..1
* value[x] only Quantity

Extension: EndedOn
Id: ended-on
Title: "Slutt"
Description: "InfItem/EndDateTime of a result whose own date is the time of the investigation."
Context: Observation
* value[x] 1..1
* value[x] only dateTime

Extension: Enquiry
Id: enquiry
Title: "Forespørsel"
Description: "Hodemelding Document/EnquiryRefId: the enquiry that the document answers."
Context: DocumentReference
* value[x] 1..1
* value[x] only string

Extension: EthnicBelonging
Id: ethnic-belonging
Title: "Etnisk tilhørighet"
Description: "Henvisning 1.0 PatRelperson/EthnicBelonging."
Context: RelatedPerson
* value[x] 1..1
* value[x] only CodeableConcept

Extension: FurtherSpeciality
Id: further-speciality
Title: "Ytterligere fagområde"
Description: "A medical speciality beyond the one in ServiceRequest.performerType."
Context: ServiceRequest
* value[x] 1..1
* value[x] only CodeableConcept

Extension: Guardian
Id: guardian
Title: "Foresatt"
Description: "Henvisning 1.0 Relation/Guardien."
Context: RelatedPerson
* value[x] 1..1
* value[x] only boolean

Extension: Heading
Id: heading
Title: "Overskrift"
Description: "The heading that a text stands under (8231, 8234), or one of ours that says where in the message it stood."
Context: Annotation, CodeableConcept, Observation
* value[x] 1..1
* value[x] only CodeableConcept

Extension: InformationType
Id: information-type
Title: "Type opplysning"
Description: "InfItem/Type (8233) of what became an AllergyIntolerance."
Context: AllergyIntolerance
* value[x] 1..1
* value[x] only CodeableConcept

Extension: IntendedDuration
Id: intended-duration
Title: "Planlagt varighet"
Description: "IntendedDuration of a drug that the patient is allergic to or must not have."
Context: AllergyIntolerance
* value[x] 1..1
* value[x] only Quantity

Extension: InvestigationSpecification
Id: investigation-specification
Title: "Spesifikasjon av undersøkelse"
Description: "ClinInv/Spec."
Context: Observation
* value[x] 1..1
* value[x] only CodeableConcept

Extension: MedicationStatus
Id: medication-status
Title: "Status for medikamentell behandling"
Description: "How a drug is used (7307, 9101), as the message has it."
Context: MedicationStatement, AllergyIntolerance
* value[x] 1..1
* value[x] only CodeableConcept

Extension: Nationality
Id: nationality
Title: "Nasjonalitet"
Description: "The nationality of someone around the patient."
Context: RelatedPerson
* value[x] 1..1
* value[x] only CodeableConcept

Extension: NextOfKin
Id: next-of-kin
Title: "Nærmeste pårørende"
Description: "NarmesteParorende: whether the patient has named this person next of kin."
Context: RelatedPerson
* value[x] 1..1
* value[x] only boolean

Extension: Note
Id: note
Title: "Merknad"
Description: "A remark on a resource or part that R4 gives no note."
Context: CareTeam.participant, Consent, Flag, RelatedPerson
* value[x] 1..1
* value[x] only markdown

Extension: NotedOn
Id: noted-on
Title: "Notert"
Description: "InfItem/OrgDate of what became a Flag."
Context: Flag
* value[x] 1..1
* value[x] only dateTime

Extension: Occupation
Id: occupation
Title: "Yrke"
Description: "Henvisning 1.0 PatRelperson/Occupation."
Context: RelatedPerson
* value[x] 1..1
* value[x] only CodeableConcept

Extension: ParticipationEnd
Id: participation-end
Title: "Slutt på deltakelse"
Description: "On which day a coordinator's participation ended of itself (released, given up, called off), and by which assignment, told by its identifier; not that another took over. So the end can be taken back where the assignment was a mistake. It stands in the requester's own copy alone."
Context: CareTeam.participant
* extension contains on 1..1 and by 1..1
* extension[on].value[x] 1..1
* extension[on].value[x] only date
* extension[by].value[x] 1..1
* extension[by].value[x] only uri

Extension: PathwayCode
Id: pathway-code
Title: "Forløpskode"
Description: "Pakkeforlop (9321, 9327, 8480): a code of a pathway that the patient was in, and the remark to it."
Context: ServiceRequest
* extension contains code 0..1 and note 0..1
* extension[code].value[x] 1..1
* extension[code].value[x] only CodeableConcept
* extension[note].value[x] 1..1
* extension[note].value[x] only string

Extension: PathwayPhase
Id: pathway-phase
Title: "Forløpsfase"
Description: "The phase of the pathway: a code of the code system pathway-phase."
Context: EpisodeOfCare
* value[x] 1..1
* value[x] only code

Extension: PaymentCategory
Id: payment-category
Title: "Betalingskategori"
Description: "PaymentCat (4101)."
Context: ServiceRequest
* value[x] 1..1
* value[x] only CodeableConcept

Extension: Purpose
Id: purpose
Title: "Formål"
Description: "Henvisning 1.x ReqServ/Purpose."
Context: ServiceRequest
* value[x] 1..1
* value[x] only CodeableConcept

Extension: QuantitySupplied
Id: quantity-supplied
Title: "Utlevert mengde"
Description: "QuantitySupplied."
Context: MedicationStatement, AllergyIntolerance
* value[x] 1..1
* value[x] only Quantity

Extension: ReferralPriority
Id: referral-priority
Title: "Prioritet i henvisningen"
Description: "The national priority (8304, 8306) as it came; ServiceRequest.priority is its translation where there is one."
Context: ServiceRequest
* value[x] 1..1
* value[x] only CodeableConcept

Extension: ResultType
Id: result-type
Title: "Tjenestetype for resultat"
Description: "ResultItem/ServType (7309)."
Context: Observation
* value[x] 1..1
* value[x] only CodeableConcept

Extension: RightsAssessment
Id: rights-assessment
Title: "Vurdering av henvisning"
Description: "VurderingAvHenvisning (HIS 1208:2018): dates by type (9147), right to care, outcome (8485), ForlopsId, free choice, end of waiting (8445)."
Context: ServiceRequest
* extension contains date 0..* and free-choice 0..1 and right-to-care 0..1 and course 0..1 and outcome 0..1 and waiting-end 0..1
* extension[date].extension contains type 0..1 and value 0..1
* extension[date].extension[type].value[x] 1..1
* extension[date].extension[type].value[x] only CodeableConcept
* extension[date].extension[value].value[x] 1..1
* extension[date].extension[value].value[x] only date
* extension[free-choice].value[x] 1..1
* extension[free-choice].value[x] only boolean
* extension[right-to-care].value[x] 1..1
* extension[right-to-care].value[x] only boolean
* extension[course].value[x] 1..1
* extension[course].value[x] only Identifier
* extension[outcome].value[x] 1..1
* extension[outcome].value[x] only CodeableConcept
* extension[waiting-end].value[x] 1..1
* extension[waiting-end].value[x] only CodeableConcept

Extension: RuleVersion
Id: rule-version
Title: "Regelsett"
Description: "The rule set that the pathway follows for its whole life: 2019 or 2025."
Context: EpisodeOfCare, CarePlan
* value[x] 1..1
* value[x] only string

Extension: Sex
Id: sex
Title: "Kjønn"
Description: "The sex (3101) as the message has it, where gender has no such code."
Context: Patient, RelatedPerson, Practitioner
* value[x] 1..1
* value[x] only CodeableConcept

Extension: Speciality
Id: speciality
Title: "Fagområde"
Description: "The medical speciality (8451) of a unit that no person stands for."
Context: Organization
* value[x] 1..1
* value[x] only CodeableConcept

Extension: StartedOn
Id: started-on
Title: "Start"
Description: "InfItem/StartDateTime of a result whose own date is the time of the investigation."
Context: Observation
* value[x] 1..1
* value[x] only dateTime

Extension: StateCode
Id: state-code
Title: "Fylkeskode"
Description: "The code of the county, where its name stands in Address.state."
Context: Address
* value[x] 1..1
* value[x] only CodeableConcept

Extension: TelecomType
Id: telecom-type
Title: "Type telekommunikasjon"
Description: "The type of a telecom (9061) as the message has it, where neither ContactPoint.system nor ContactPoint.use can say it."
Context: ContactPoint
* value[x] 1..1
* value[x] only code

Extension: Workplace
Id: workplace
Title: "Arbeidssted"
Description: "Where a contact works (Arbeidssted, WorkingPlace)."
Context: RelatedPerson
* value[x] 1..1
* value[x] only string

Extension: PatientCaused
Id: patient-caused
Title: "Pasientutsatt"
Description: "The event L (9322) by which the patient has put off what the time limit is for; the clock does not stop."
Context: Task
* value[x] 1..1
* value[x] only Reference(Observation)

Extension: EpisodeCareLevel
Id: care-level
Title: "Omsorgsnivå"
Description: "Outpatient clinic or ward (a code of care-level): which of the pathway's time limits apply."
Context: EpisodeOfCare
* value[x] 1..1
* value[x] only code
* value[x] from CareLevel (required)

Extension: LimitSource
Id: limit-source
Title: "Regel for frist"
Description: "The rule that the time limit comes of: pathway type and rule set, and the limit in it (D11-2019/decision). PlanDefinition and docs/pathways.md tell of it. Local: the organisation's own, laid over the national one."
Context: Task
* extension contains rule 1..1 and local 0..1
* extension[rule].value[x] 1..1
* extension[rule].value[x] only string
* extension[local].value[x] 1..1
* extension[local].value[x] only boolean

Extension: PathwayEndReason
Id: pathway-end-reason
Title: "Utfall av avslutning"
Description: "Why the pathway ended: the outcome of its closing (9326)."
Context: EpisodeOfCare
* value[x] 1..1
* value[x] only CodeableConcept
* value[x] from ClosingOutcome (required)

Extension: SeniorityDate
Id: seniority-date
Title: "Ansiennitetsdato"
Description: "Since when the patient has waited, counted from the first referral (9147 code 1); kept through a transfer."
Context: EpisodeOfCare
* value[x] 1..1
* value[x] only date

Extension: StatusReason
Id: status-reason
Title: "Grunn for status"
Description: "Why the status became this where no event says so: one was withdrawn, or the rules were corrected."
Context: EpisodeOfCare.statusHistory
* value[x] 1..1
* value[x] only string
