//! The closed vocabularies of the log. Numbers and names equal those of
//! `smarthome.events.v1` (a test in `records` compares them); what has no number here is
//! unknown and is refused, never guessed.

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $number:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$item])* $variant,)*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// Number on the wire.
            pub fn number(self) -> i32 {
                match self { $($name::$variant => $number,)* }
            }

            /// Stable name, as in the contract.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The value with this number on the wire, if there is one.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some($name::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

vocabulary!(
    /// An operation at a device.
    Operation {
        /// Open a door or an intercom's door.
        OpenDoor = 1 "OPEN_DOOR",
        /// Open a barrier or gate.
        OpenBarrier = 2 "OPEN_BARRIER",
    }
);

vocabulary!(
    /// What a device is.
    DeviceKind {
        /// An intercom with a door.
        Intercom = 1 "INTERCOM",
        /// A door.
        Door = 2 "DOOR",
        /// A gate.
        Gate = 3 "GATE",
        /// A barrier.
        Barrier = 4 "BARRIER",
    }
);

vocabulary!(
    /// Allowed or denied.
    Verdict {
        /// Allowed.
        Allow = 1 "ALLOW",
        /// Denied.
        Deny = 2 "DENY",
    }
);

vocabulary!(
    /// Why: of decisions, answers and completions.
    Reason {
        /// A grant covers it.
        Granted = 1 "GRANTED",
        /// No grant, or no such device.
        NoGrant = 2 "NO_GRANT",
        /// The grant was withdrawn.
        GrantRevoked = 3 "GRANT_REVOKED",
        /// The grant does not hold at this time.
        OutsideWindow = 4 "OUTSIDE_WINDOW",
        /// The pass has no uses left.
        UsesExhausted = 5 "USES_EXHAUSTED",
        /// The device was switched off in the registry.
        DeviceDisabled = 6 "DEVICE_DISABLED",
        /// The partner may not act for this complex or with this operation.
        OutOfPerimeter = 7 "OUT_OF_PERIMETER",
        /// The device does not have this operation.
        OperationNotAllowed = 8 "OPERATION_NOT_ALLOWED",
        /// The partner is suspended or unknown.
        PartnerSuspended = 9 "PARTNER_SUSPENDED",
        /// A fresh login is required.
        StepUpRequired = 10 "STEP_UP_REQUIRED",
        /// The command or its idempotency key is too old.
        CommandExpired = 11 "COMMAND_EXPIRED",
        /// The device was opened too recently.
        Cooldown = 12 "COOLDOWN",
        /// This instance does not know enough to decide.
        RegistryStale = 13 "REGISTRY_STALE",
        /// The partner did it.
        PartnerExecuted = 30 "PARTNER_EXECUTED",
        /// The partner said no.
        PartnerRejected = 31 "PARTNER_REJECTED",
        /// The partner says that the device is offline.
        DeviceOffline = 32 "DEVICE_OFFLINE",
        /// The request was never sent.
        PartnerUnreachable = 33 "PARTNER_UNREACHABLE",
        /// The partner has not said what happened.
        PartnerSilent = 34 "PARTNER_SILENT",
        /// The partner's answer could not be understood.
        PartnerUnintelligible = 35 "PARTNER_UNINTELLIGIBLE",
        /// The partner has promised never to execute it.
        Fenced = 36 "FENCED",
        /// The partner had no room for it, or was out of service.
        PartnerOverloaded = 37 "PARTNER_OVERLOADED",
        /// The partner has not answered, but an access event of its own says what happened.
        PartnerReported = 38 "PARTNER_REPORTED",
    }
);

vocabulary!(
    /// What became of an allowed command.
    Outcome {
        /// The partner carried it out.
        Executed = 1 "EXECUTED",
        /// The partner said no.
        Rejected = 2 "REJECTED",
        /// Known not to have happened, and it can't any more.
        NotExecuted = 3 "NOT_EXECUTED",
        /// Nobody can say yet.
        Unknown = 4 "UNKNOWN",
    }
);

impl Outcome {
    /// Definite outcomes end a command; UNKNOWN is provisional.
    pub fn is_definite(self) -> bool {
        self != Outcome::Unknown
    }
}

vocabulary!(
    /// Who acted.
    ActorKind {
        /// A resident or other holder of a grant, through the app.
        Owner = 1 "OWNER",
        /// A holder of a guest pass.
        Guest = 2 "GUEST",
        /// Somebody or something at the device.
        AtDevice = 3 "AT_DEVICE",
        /// An operator of the complex.
        Operator = 4 "OPERATOR",
        /// This service itself.
        Service = 5 "SERVICE",
        /// An auditor who reads what was recorded.
        Auditor = 6 "AUDITOR",
    }
);

vocabulary!(
    /// How somebody was let in or refused, as the partner says.
    Method {
        /// A number plate.
        Plate = 1 "PLATE",
        /// A face.
        Face = 2 "FACE",
        /// The device's own schedule.
        Schedule = 3 "SCHEDULE",
        /// A remote command.
        Remote = 4 "REMOTE",
        /// A call on the intercom.
        IntercomCall = 5 "INTERCOM_CALL",
        /// A fob or card.
        Fob = 6 "FOB",
        /// A code.
        Pin = 7 "PIN",
        /// The button inside.
        ExitButton = 8 "EXIT_BUTTON",
        /// A mechanical key.
        Key = 9 "KEY",
        /// The partner's or the complex's staff.
        Staff = 10 "STAFF",
    }
);

vocabulary!(
    /// Whether a person acted.
    Automation {
        /// The device acted by itself.
        Automatic = 1 "AUTOMATIC",
        /// A person acted.
        Manual = 2 "MANUAL",
    }
);

impl Method {
    /// Which methods count as automatic.
    pub fn automation(self) -> Automation {
        match self {
            Method::Plate | Method::Face | Method::Schedule => Automation::Automatic,
            Method::Remote
            | Method::IntercomCall
            | Method::Fob
            | Method::Pin
            | Method::ExitButton
            | Method::Key
            | Method::Staff => Automation::Manual,
        }
    }
}

vocabulary!(
    /// What the partner saw.
    Observation {
        /// Somebody was let in.
        Granted = 1 "GRANTED",
        /// Somebody was refused.
        Denied = 2 "DENIED",
        /// The door was forced.
        ForcedOpen = 3 "FORCED_OPEN",
        /// The door stood open too long.
        HeldOpen = 4 "HELD_OPEN",
    }
);

vocabulary!(
    /// Whom a credential belongs to, judged as of the event's own time.
    Resolution {
        /// One holder.
        Resolved = 1 "RESOLVED",
        /// More than one holder.
        Ambiguous = 2 "AMBIGUOUS",
        /// No credential was named, or it is not known here.
        NotIdentified = 3 "NOT_IDENTIFIED",
        /// The holder has been erased.
        Erased = 4 "ERASED",
    }
);

vocabulary!(
    /// Lock state; not monitored is no value.
    LockState {
        /// Locked.
        Locked = 1 "LOCKED",
        /// Unlocked.
        Unlocked = 2 "UNLOCKED",
    }
);

vocabulary!(
    /// Position of the leaf or boom; not monitored is no value, never closed.
    DoorPosition {
        /// Open.
        Open = 1 "OPEN",
        /// Closed.
        Closed = 2 "CLOSED",
    }
);

vocabulary!(
    /// What feeds a device.
    Power {
        /// Mains.
        Mains = 1 "MAINS",
        /// Battery.
        Battery = 2 "BATTERY",
    }
);

vocabulary!(
    /// What kind of grant.
    GrantRole {
        /// The owner of a home.
        Owner = 1 "OWNER",
        /// A member of an owner's household.
        Household = 2 "HOUSEHOLD",
        /// Staff of the complex.
        Staff = 3 "STAFF",
    }
);

vocabulary!(
    /// What a partner's device recognises.
    CredentialKind {
        /// A number plate's token.
        Plate = 1 "PLATE",
        /// A face reference's token.
        Face = 2 "FACE",
    }
);

vocabulary!(
    /// What was done at a partner about what it holds.
    ProvisioningEffect {
        /// A token key was delivered.
        TokenKeyDelivered = 1 "TOKEN_KEY_DELIVERED",
        /// A credential was put.
        Put = 2 "PUT",
        /// A credential was deleted.
        Deleted = 3 "DELETED",
        /// A credential that nobody registered was deleted.
        ForeignDeleted = 4 "FOREIGN_DELETED",
        /// Nothing: what the partner should hold is kept back.
        Withheld = 5 "WITHHELD",
    }
);

vocabulary!(
    /// On what ground faces may be processed (Federal Law 152-FZ "On personal data", art. 11).
    LegalBasisKind {
        /// Consent in writing (art. 11(1), art. 9(4)).
        ConsentInWriting = 1 "CONSENT_IN_WRITING",
    }
);

vocabulary!(
    /// Why missing events can't be had.
    GapReason {
        /// The partner was asked, and has none with these numbers.
        PartnerHasNone = 1 "PARTNER_HAS_NONE",
        /// The partner doesn't answer.
        PartnerUnreachable = 2 "PARTNER_UNREACHABLE",
        /// The partner keeps none that are so old.
        TooOld = 3 "TOO_OLD",
    }
);

impl GapReason {
    /// Whether asking again is of no use.
    pub fn is_final(self) -> bool {
        match self {
            GapReason::PartnerHasNone | GapReason::TooOld => true,
            GapReason::PartnerUnreachable => false,
        }
    }
}

vocabulary!(
    /// In which way audit data was read.
    ReadMethod {
        /// Accesses were searched.
        SearchAccess = 1 "SEARCH_ACCESS",
        /// One record was fetched.
        GetRecord = 2 "GET_RECORD",
        /// Alarms were searched.
        SearchAlarms = 3 "SEARCH_ALARMS",
        /// The completeness of devices was looked at.
        Completeness = 4 "COMPLETENESS",
        /// States of devices.
        DeviceStatus = 5 "DEVICE_STATUS",
        /// A device's earlier states.
        DeviceHistory = 6 "DEVICE_HISTORY",
        /// Records of the published log.
        LogEntries = 7 "LOG_ENTRIES",
        /// Who has read was itself searched.
        SearchReads = 8 "SEARCH_READS",
        /// New accesses were watched.
        Watch = 9 "WATCH",
        /// Accesses were counted.
        Statistics = 10 "STATISTICS",
        /// Records of a period were taken away.
        Export = 11 "EXPORT",
        /// A resident's own.
        OwnHistory = 12 "OWN_HISTORY",
        /// A resident's proof of one opening.
        Receipt = 13 "RECEIPT",
    }
);
