# English: the first language. Plain words, short sentences, and what to do next.
# $app is the name of the app and may be used anywhere.

## On every page
languages-label = Language
support = Get help
email-label = Email address
continue = Continue
cancel = Cancel
try-again = Try again
waiting = Waiting for your device…
not-you = Not you?
email-invalid = Enter an email address, like maria@example.com.
failed = Something went wrong. Try again.
offline = We can't reach { $app }. Check your connection and try again.
reload = Reload this page
script-needed = Signing in with a passkey needs JavaScript. Turn it on in your browser, then reload this page.
unsupported-heading = This browser can't use passkeys
unsupported-text = Update your browser, or open this page in another one.

## Sign in
sign-in-heading = Sign in
sign-in-lead = Use your fingerprint, face or screen lock. No password needed.
sign-in-first = Please sign in to continue.
sign-in-or = or
sign-in-passkey = Sign in with a passkey
sign-in-create = Create an account
sign-in-elsewhere-heading = We couldn't sign you in on this device
sign-in-elsewhere-text = Your passkey may be on another device, or you closed the window.
sign-in-other-email = Use a different email

## Create an account
register-heading = Create your account
register-lead = You'll use your fingerprint, face or screen lock instead of a password.
register-have-account = Already have an account?
register-sign-in = Sign in
register-none-made = No passkey was made yet.
register-set-up = This device is already set up.
register-closed = New accounts are closed.
register-invite = New accounts are by invitation.
register-closed-text = If you already have an account, you can sign in.

## The code by email
code-heading = Check your email
code-sent = We sent a 6-digit code to { $email }. It works for 10 minutes.
code-label = 6-digit code
code-resend = Send a new code
code-other-email = Use a different email
code-wrong = { $tries ->
    [one] That code is not right. Check the mail and try again. { $tries } try left.
   *[other] That code is not right. Check the mail and try again. { $tries } tries left.
}
code-unreadable = Enter the 6 digits from the mail.
code-too-old = That code is too old. Send a new code and enter that one.
code-used-up = That code has been tried too many times. Send a new code and enter that one.
code-resent = We sent you a new code. Earlier codes no longer work.
code-wait = { $seconds ->
    [one] You can ask for another code in { $seconds } second.
   *[other] You can ask for another code in { $seconds } seconds.
}
code-too-many = You have asked for a code too often. Please try again later.

## Sign out
sign-out-heading = Sign out?
sign-out-who = You're signed in as { $email }.
sign-out-button = Sign out
sign-out-back = Go back
signed-out-heading = You're signed out
signed-out-text = Close this window if other people use this device.
signed-out-again = Sign in again

## When something is in the way
error-request = Request
error-home = Go to { $app }
error-bad-request-heading = We can't read that request
error-bad-request-text = The address may be mistyped. Check it and try again.
error-forbidden-heading = You don't have access
error-forbidden-text = Your account can't open this page.
error-forbidden-who = You're signed in as { $email }. This account can't open this page.
error-forbidden-sign-out = Sign out
error-not-found-heading = There's no page here
error-not-found-text = Check the address for typing mistakes.
error-misdirected-heading = We don't know this address
error-misdirected-text = Nothing is served under this name. Check the address for typing mistakes.
error-too-many-heading = Too many tries
error-too-many-text = Please wait a little, then try again.
error-too-many-minutes = { $minutes ->
    [one] Please wait { $minutes } minute, then try again.
   *[other] Please wait { $minutes } minutes, then try again.
}
error-fault-heading = Something went wrong
error-fault-text = It's our fault, not yours. Try again in a moment.
error-upstream-heading = { $app } isn't answering
error-upstream-text = It may be restarting. Try again in a moment.
error-unavailable-heading = Signing in isn't working right now
error-unavailable-text = Try again in a moment. Nothing you did caused this.
error-cookie-heading = Your browser isn't keeping our cookie
error-cookie-text = We need one cookie to remember that you're signed in. Allow cookies for this site, then try again.
error-form-heading = This form can't be used any more
error-form-text = It was open for too long, or in another window. Nothing was changed. Try again with a new one.
error-ended-heading = This took too long
error-ended-text = For your safety we dropped what you had started. Please begin again.
error-ended-again = Begin again

## What the script is told
refusal-unknown-passkey = We couldn't sign you in with that passkey.
refusal-expired-ceremony = This page was open for too long. Press the button again.
refusal-not-accepted = Your device's answer didn't check out. Press the button again.
refusal-email-not-allowed = Accounts here are for certain email addresses only. Use your work address, or ask whoever runs { $app }.
refusal-account-disabled = This account is switched off. Ask whoever runs { $app }.
refusal-form = This page was open for too long. Reload it and try again.

## Mails
browser-on-system = { $browser } on { $system }
browser-unknown = Unknown browser
mail-when = When
mail-browser = Browser
mail-not-you = Not you?
mail-hello = Hello,
mail-support = Questions? { $address }
mail-code-subject = { $code } is your { $app } code
mail-code-text = Enter this code to finish creating your account with { $app }:
mail-code-lasts = It works for 10 minutes, in the browser where you asked for it. We never ask for it by phone or chat.
mail-code-ignore = If you didn't ask for this, ignore this mail. Without the code, nothing happens.
mail-registered-subject = You already have an account with { $app }
mail-registered-text = Someone, perhaps you, used this email address to create an account with { $app }. You already have one, so you can sign in:
mail-registered-button = Sign in
mail-registered-ignore = If it wasn't you, ignore this mail. Your account is safe and nothing has changed.
mail-welcome-subject = Welcome to { $app }
mail-welcome-text = Your account with { $app } is ready. You sign in with your fingerprint, face or screen lock; there is no password.
mail-welcome-button = Open { $app }
mail-welcome-ignore = If you didn't create this account, someone entered a code sent to this address. Check who can read your mail.
mail-recovery-text = Enter this code to get back into { $app } and set up your device:
mail-recovery-ignore = If you didn't ask for this, ignore this mail, and give the code to nobody. Without it, nothing happens.
mail-held-subject = Someone wants to get back into your { $app } account
mail-held-text = Someone entered a code sent to this address to get back into your account with { $app }. They can finish on { $until }. If it was you, come back then. If it wasn't, cancel it:
mail-held-button = Cancel it
mail-held-ignore = Cancel it with the link above, and check who can read your mail.
mail-recovered-subject = Your { $app } account was recovered
mail-recovered-text = A new passkey was set up for your account with { $app } with a code sent to this address. Every other browser was signed out. You can look through your devices:
mail-recovered-ignore = Get back in with a code sent to this address, remove the passkeys you don't know, and check who can read your mail.
mail-cancelled-subject = Getting back into your { $app } account was cancelled
mail-cancelled-text = Someone wanted to get back into your account with { $app }. It was cancelled, and nothing has changed.
mail-added-subject = A passkey was added to your { $app } account
mail-added-text = A passkey ({ $provider }) was added to your account with { $app }. If that was you, all is well. Otherwise remove it on this page:
mail-removed-subject = A passkey was removed from your { $app } account
mail-removed-text = A passkey ({ $provider }) was removed from your account with { $app }. It can no longer be used to sign in. You can look through your devices:
mail-copied-subject = Someone may have copied a passkey of your { $app } account
mail-copied-text = A passkey ({ $provider }) of your account with { $app } was refused: it looks as if there were two of it. If you have another passkey, sign in with that and remove this one:
mail-copied-ignore = Remove the passkey, and make a new one.
mail-devices-button = My devices
mail-undo-ignore = Sign in on the page above and remove what you don't know. It asks for your passkey.
