//! All kinds of rows, for what is done with each of them.

/// Hands all kinds of rows to a macro, those first that others name.
macro_rules! kinds {
    ($each:ident) => {
        $each! {
            crate::domain::account::Account
            crate::domain::passkey::Passkey
            crate::domain::session::Session
            crate::domain::token_family::TokenFamily
            crate::domain::ceremony::Ceremony
            crate::domain::registration::Registration
            crate::domain::link::Link
            crate::domain::recovery::Recovery
            crate::domain::recovery::Hold
            crate::domain::address::Move
            crate::domain::admin_code::AdminCode
            crate::domain::bookmark::Bookmark
            crate::domain::invitation::Invitation
            crate::domain::activity::Event
            crate::domain::letter::Letter
            crate::store::records::CountRow
            crate::domain::signing_key::SigningKey
        }
    };
}

pub(in crate::store) use kinds;
