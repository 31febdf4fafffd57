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
one-moment = One moment…
not-you = Not you?
email-invalid = Enter an email address, like maria@example.com.
email-no-mail-to = Our mail server can't write to this address. Use another one.
failed = Something went wrong. Try again.
offline = We can't reach { $app }. Check your connection and try again.
reload = Reload this page
anew = This page was loaded again. Please try once more.
recover-script-needed = This page works without JavaScript. The new passkey after the code doesn't: allow JavaScript for this site, or open the page in another browser.
script-needed = Part of this page did not load, so its buttons may not work. Reload the page. If that does not help, allow JavaScript for this site, or open the page in another browser.
unsupported-heading = This browser can't use passkeys
unsupported-text = Update your browser, or open this address in another one:
unsupported-copy = Copy address
unsupported-copied = Copied
inside-heading = Open this page in your browser
inside-text = You're inside another app's browser, which has no passkeys. Open this address in your own browser, like Safari or Chrome:
inside-notice = You're inside another app's browser. If it has no passkeys, you can't finish here.
device-inside = You're inside another app's browser, which may not let you use passkeys. Open this page in your own browser, like Safari or Chrome.
device-constraint = Your device needs a screen lock, or your security key a PIN, before it can keep or use a passkey. Set one up, then try again.
device-not-supported = This device or security key can't be used for our passkeys. Use another one.
device-unreadable = Your browser couldn't reach your passkeys. Unlock the device, or unplug your security key and plug it in again. Then try again.
device-stopped = Something in your browser stopped this, perhaps an extension or another window. Try again.
device-address = Your browser refuses passkeys at this address. Nothing you did caused this. Please tell whoever runs { $app }.
device-odd = Your browser or password manager answered in a way we can't read. Update it, or use another one, then try again.

## Sign in
sign-in-heading = Sign in
sign-in-lead = Use your fingerprint, face or screen lock. No password needed.
sign-in-first = Please sign in to continue.
sign-in-or = or
sign-in-passkey = Sign in with a passkey
passkey-what = What is a passkey?
passkey-what-text = A passkey takes the place of a password. Your device keeps it, and you use it with your fingerprint, face or screen lock. Nobody can guess it, and it works on this site alone.
sign-in-new = New here?
sign-in-create = Create an account
sign-in-elsewhere-heading = We couldn't sign you in on this device
sign-in-elsewhere-text = Your passkey may be on another device, or you closed the window.
sign-in-gone-heading = This passkey is not in use
sign-in-gone-text = This passkey was never finished or was removed. Use another one, or find another way to get in below.
sign-in-other-email = Use a different email

## Create an account
register-heading = Create your account
register-lead = You'll use your fingerprint, face or screen lock instead of a password.
register-passkey = This is called a passkey. It stays with your device.
register-have-account = Already have an account?
register-sign-in = Sign in
register-none-made = No passkey was made yet. A security key may be full, or need a PIN first.
register-set-up = Your passkey is already on this device or in this password manager. Use that one, or save the new one somewhere else.
register-closed = New accounts are closed.
register-invite = New accounts are by invitation.
register-invite-text = Enter the email address you were invited with.
register-closed-text = If you already have an account, you can sign in.

## The code by email
code-heading = Check your email
code-sent = We sent a 6-digit code to { $email }. It works for 10 minutes.
code-sent-to-some = We wrote to { $email }. If this address may have an account, the mail has a 6-digit code. It works for 10 minutes.
code-label = 6-digit code
code-sent-long = We sent a code of 15 letters and digits to { $email }. It works for 10 minutes.
code-sent-to-some-long = We wrote to { $email }. If this address may have an account, the mail has a code of 15 letters and digits. It works for 10 minutes.
code-label-long = Code from the mail
code-unreadable-long = Enter the 15 letters and digits from the mail.
code-resend = Send a new code
code-other-email = Use a different email
code-sender = The mail comes from { $address }. If you don't see it, look in your spam folder.
code-wrong = { $tries ->
    [one] That code is not right. Check the mail and try again. { $tries } try left.
   *[other] That code is not right. Check the mail and try again. { $tries } tries left.
}
code-unreadable = Enter the 6 digits from the mail.
code-older = { $tries ->
    [one] That is an older code. Enter the one from our newest mail. { $tries } try left.
   *[other] That is an older code. Enter the one from our newest mail. { $tries } tries left.
}
code-too-old = That code is too old. Send a new code and enter that one.
code-used-up = That code has been tried too many times. Send a new code and enter that one.
code-resent = We sent you a new code. Earlier codes no longer work.
code-resent-to-some = We wrote to you again. Codes from earlier mails no longer work.
recover-code-resent = If that account exists, we sent a new code. Earlier codes no longer work.
code-wait = { $seconds ->
    [one] You can ask for another code in { $seconds } second.
   *[other] You can ask for another code in { $seconds } seconds.
}
code-too-many = You have asked for a code too often. Try again in { $wait }.

## A device you're already signed in on
sign-in-other-device = Use another device
sign-in-lost = Lost my device
link-start-heading = Use a device you're already signed in on
link-where = Where are you signed in now?
link-where-phone = On a phone or tablet
link-where-computer = On a computer
link-scan-this = Scan this with your phone or tablet:
link-qr = QR code with the address of this sign-in
link-go = On that device, go to { $address } and enter
link-type-there = Type this number there:
link-approve-there = Approve it on your other device.
link-cannot-approve = Can't approve?
link-go-to = To sign in, go to { $address } on your already-registered computer.
link-scan-code = Scan the code it shows
link-camera-denied = The settings of your browser or device don't allow the camera.
link-camera-none = We found no camera.
link-camera-busy = Another program may be using the camera.
link-camera-off = Enter the code instead.
link-camera-label = Camera picture
link-scanning = Point the camera at the code.
link-foreign = That is another code. Scan the one that { $app } shows.
link-type-code = Code
link-or-type = or enter it
link-left = { $minutes ->
    [one] Waiting… { $minutes } minute left
   *[other] Waiting… { $minutes } minutes left
}
link-new-code = Show a new code
link-again = Start again
link-denied-heading = This sign-in was turned down
link-denied-text = Someone said no on the other device.
link-too-old-heading = That took too long
link-too-old-text = A code works for 5 minutes.
link-gone-heading = This sign-in is over
link-gone-text = It was finished, or its 5 minutes are over.
link-spent-heading = The number was wrong too often
link-spent-text = For your safety this sign-in was closed.
link-none-heading = This code can't be used
link-heading = Connect a device
link-offer-heading = Your new device can scan
link-offer = Scan this with the new device to approve its sign-in:
link-offer-short = or enter this code there:
link-enter-heading = Your new device shows a code
link-offer-enter = Enter that code here.
link-approve-heading = Is this you signing in?
link-account = Account
link-same-network = Seems to be in the same network
link-other-address = At another network address
link-other-network = We see it at another network address than this device. That is normal with mobile data or a VPN. Be sure that you can see that screen.
link-several = More than one browser has opened this code. The number you type decides which one you approve.
link-just-now = just now
link-minutes-ago = { $minutes ->
    [one] { $minutes } minute ago
   *[other] { $minutes } minutes ago
}
link-number-label = Type the number shown on that screen
link-warning = Only approve if you can see that screen. We never ask for this by phone, chat or email.
link-approve = Approve with passkey
link-deny = No, this is not me
link-not-approved = Nothing was approved yet.
link-number-invalid = Type the 2 digits shown on that screen.
link-approved-heading = Approved
link-approved-text = Your other device goes on by itself. You can close this page.
link-turned-down-heading = Turned down
link-turned-down-text = Nobody was signed in.
link-elsewhere-heading = Approved in another browser
link-elsewhere-text = Another browser that opened this code has approved the sign-in. If that was you, there is nothing to do here. If it wasn't, say no now.
link-chosen-heading = Another browser was chosen
link-chosen-text = This code was opened in more than one browser, and the number of another one was typed. If you typed it, go on in that one. If not, start again.
link-add-heading = Add this device
link-add-number = Type this number on your computer:
link-home = Go to { $app }

## Set up this device
set-up-heading = Set up this device
set-up-text = Your device will ask for your fingerprint, face or screen lock. That never leaves your device: we only get a key.
set-up-create = Create passkey
name-passkey = Name this passkey
faster-heading = Sign in faster next time?
faster-text = Create a passkey on this device. Then you won't need the other one.
faster-later = Not now

## A lost device
recover-heading = Get back in
recover-lead = We'll email you a code. Then you set up this device.
recover-delayed = We'll email you a code, and tell your other devices. After a while you can set up this device.
recover-admin = Ask whoever runs { $app } for a code. Then you set up this device.
recover-off = A lost passkey can't be replaced here. Ask whoever runs { $app } for help.
recover-button = Email me a code
recover-code-sent-long = If that account exists, we sent a code of 15 letters and digits to { $email }. It works for 10 minutes.
recover-code-sent = If that account exists, we sent a 6-digit code to { $email }. It works for 10 minutes.
recover-code-admin = Enter the code you were given for { $email }.
recover-code-no-mail = Our mail server can't write to { $email }. Ask whoever runs { $app } for a code, and enter it here.
recover-code-label = Code
recover-admin-unreadable = Enter the code you were given.
recover-admin-wrong = { $tries ->
    [one] That code is not right. Check it and try again. { $tries } try left.
   *[other] That code is not right. Check it and try again. { $tries } tries left.
}
recover-admin-over = That code no longer works. Ask whoever runs { $app } for a new one.
recover-held = You can finish on { $until }. We told your other devices.
recover-held-again = Come back to this page then, and enter a new code.
review-heading = Keep your account safe
review-lead = You're back in. Remove the devices you no longer have.
review-legend = Your older passkeys
review-nothing-chosen = Select the passkeys you no longer have, or keep all.
review-changed = Your passkeys have changed meanwhile, or this was answered already.
review-remove = Remove selected
review-keep = Keep all
review-confirm = Your device asks for your new passkey to confirm.
contest-heading = This account was recovered
contest-who = Someone made a new passkey with a code sent to { $email }. Until they have looked through the devices, this passkey opens nothing.
contest-who-by-hand = Someone made a new passkey for { $email } with a code from whoever runs { $app }. Until they have looked through the devices, this passkey opens nothing.
contest-again = Getting back in was stopped once before. If you can't settle this, ask whoever runs { $app }.
contest-new = The new passkey
contest-older = Your passkey, just used
contest-me = This was me
contest-not-me = This was not me
contest-me-heading = Answer on that device
contest-me-text = Go on to “Keep your account safe” in the browser where you got back in. After that, this passkey works again.
contest-stopped-heading = We've stopped it
contest-stopped-text = The new passkey opens nothing. Sign in with your passkey and a code sent to your mail, or ask whoever runs { $app }.
contest-sign-in = Sign in
recover-cancel-heading = Stop getting back in?
recover-cancel-text = Someone, perhaps you, asked for a way back into your account. If it wasn't you, stop it.
recover-cancel-button = Stop it
recover-cancelled-heading = It was stopped
recover-cancelled-text = Nobody gets into your account this way, and nothing has changed. Check who can read your mail.
recover-not-stopped-heading = Nothing was stopped
recover-link-cut = Only a part of the link has arrived here. Nothing has been stopped yet.
recover-link-not-whole = The link did not arrive complete, so we can't tell what to stop.
recover-link-not-right = This link is not right. It was changed on its way, or it is from somewhere else.
word-link-label = Link from the email
word-link-hint = Open the email about it, copy its whole link, and paste it here.
recover-cancel-otherwise = You can also sign in and stop it under “My devices”, or ask whoever runs { $app }.
recover-another-waits = This link is about an earlier attempt, which is over. Someone has asked for a way back into your account again since, and that goes on. Use the link in the newer email, or stop it under “My devices”.
recover-too-late-heading = This can't be stopped any more
recover-too-late-text = Someone got back into your account on { $when }.
recover-too-late-do = If that wasn't you, act now: sign in with a passkey you had before, and say there that it wasn't you. If you can't, ask whoever runs { $app }.
recover-stopped-before-heading = It was stopped already
recover-stopped-before-text = Getting back into your account was last stopped on { $when }, and nobody waits to get in this way now. Check who can read your mail.
recover-also-recovered = Before that, someone got back into your account on { $when }. If that wasn't you, look through your devices, and ask whoever runs { $app }.
recover-over-heading = This is over
recover-over-text = This link stops nothing any more, and nobody waits to get into your account this way now. Look through your devices.

## Your apps
apps-heading = Your apps
apps-none = You have no apps here yet.

## My devices
devices-heading = My devices
devices-who = You're signed in as { $email }.
devices-passkeys = Passkeys
devices-this-device = This device
devices-synced = Saved in your password manager
devices-local-here = Only on this device
devices-local-there = Only on that device
devices-made-in = Made in { $browser }
devices-added = Added { $day }
devices-last-used = Last used { $day }
devices-never-used = Not used yet
devices-rename = Rename
devices-name-label = Name
devices-save = Save
devices-remove = Remove
devices-add = Add a device
devices-add-here = Add a passkey here
devices-sessions = Signed-in browsers
devices-this-browser = This browser
devices-last-seen = Last seen { $day }
devices-sign-out = Sign out
devices-sign-out-everywhere = Sign out everywhere
devices-activity = Recent activity
devices-held = Someone asked for a way back into your account ({ $browser }).
devices-held-until = They can finish on { $until }. If it wasn't you, stop it.
devices-remove-heading = Remove this passkey?
devices-remove-text = It can no longer be used to sign in, and browsers signed in with it are signed out. Your device asks for a passkey to confirm.
devices-remove-last = This is your last passkey. Without it you need another way back in. Type your email address to remove it.
devices-remove-button = Remove passkey
devices-none-removed = Nothing was changed.
devices-unsupported = This browser can't use passkeys. To add or remove any, open this page in another one.
devices-add-text = First confirm with a passkey you have.
devices-stop-text = Someone asked for a way back into your account. Confirm with a passkey you have, and it is stopped.
devices-confirm = Confirm with a passkey
event-registered = Account created
event-signed-in = Signed in
event-passkey-added = Passkey added
event-passkey-removed = Passkey removed
event-passkey-copied = Passkey refused: it looked copied
event-link-approved = Another device approved
event-link-denied = Another device turned down
event-recovery-held = Asked for a way back in
event-recovery-cancelled = Way back in stopped
event-recovery-contested = Getting back in contested
event-recovery-undone = Getting back in undone
event-review-answered = Devices looked through after getting back in
event-recovered = Got back in with a code
event-signed-out-everywhere = Signed out everywhere
event-token-copied = Signed out: a token was used twice
event-passkey-can-sync = Passkey can now be synced to other devices
event-address-asked = Another address asked for
event-address-changed = Address changed
event-address-restored = Change of address undone
event-passkey-moved = Passkey used after it was moved to another manager
moment-month = { $month ->
    [1] Jan
    [2] Feb
    [3] Mar
    [4] Apr
    [5] May
    [6] Jun
    [7] Jul
    [8] Aug
    [9] Sep
    [10] Oct
    [11] Nov
   *[other] Dec
}
moment-day = { $day } { $month } { $year }
moment-at = { $day } { $month } at { $time } UTC

## My account
account-heading = My account
account-name = Name
account-name-hint = What the apps here call you. You can leave it empty.
account-language-none = As in the browser
account-language-hint = Of our mails to you, and of these pages in this browser.
account-saved = Saved.
account-changed = Your address is changed. Sign in with the new one from now on.
account-address-text = You sign in with this address, and we write to it.
account-change = Change address
account-change-heading = Change your email address
account-change-text = Your device asks for a passkey. Then we send a 6-digit code to the new address.
account-change-label = New email address
account-asked = We're waiting for the code for { $email }.
account-asked-enter = Enter the code
account-code-sent = If { $email } can be used for your account, we sent a 6-digit code to it. It works for 10 minutes.
account-code-sent-long = If { $email } can be used for your account, we sent a code of 15 letters and digits to it. It works for 10 minutes.
account-moved = It was { $email } before. We wrote there how to undo the change.
account-moved-until = That works until { $until }. After that you can change it again.
account-undone-lately = A change of this address was undone with the link in our mail.
account-undone-until = You can change it again after { $until }.
account-delete-later = You can delete the account once the address can be changed again.
account-undo-heading = Undo the new address?
account-undo-text = Your account gets its earlier address back, and every browser is signed out.
account-undo-button = Undo the change
account-undo-cut = Only a part of the link has arrived here. Nothing has been undone yet.
account-undo-not-whole = The link did not arrive complete, so we can't tell what to undo.
account-undo-not-right = This link is not right. It was changed on its way, or it is from somewhere else.
account-undo-otherwise = If it doesn't work, ask whoever runs { $app }.
account-not-undone-heading = Nothing was undone
account-undone-heading = Your earlier address is back
account-undone-text = Every browser was signed out. Sign in or get back in with your earlier address now, or ask whoever runs { $app }, and remove the passkeys you don't know.
account-undo-gone-heading = There's nothing to undo
account-undo-gone-text = The change was undone already, or it is more than a day old. If someone else has your account, ask whoever runs { $app }.
account-data = Your data
account-data-text = A file with everything kept about your account here: address, passkeys, browsers and activity. What you keep in the apps is not in it.
account-download = Download my data
account-download-text = Your device asks for a passkey first. Keep the file to yourself: it says when you signed in, and from where.
account-downloaded = Your browser has the file now. It is called account.json.
account-delete = Delete my account
account-delete-hint = You lose access here for good. It can't be undone.
account-delete-heading = Delete your account?
account-delete-text = Your passkeys, browsers and activity are deleted here at once. What you keep in the apps stays there: delete it first, or ask whoever runs { $app }.
account-delete-label = Type your email address
account-delete-button = Delete my account
account-deleted-heading = Your account is deleted
account-deleted-text = You're signed out everywhere, and we sent you a last mail. What you kept in the apps is still there: if you want it deleted, ask whoever runs { $app }.
account-deleted-passkeys = Your device may still list the passkey. You can remove it there, in its password manager.

## Sign out
hand-off-heading = Continue to { $host }
hand-off-confirm-heading = Is this you?
hand-off-confirm-who = You were signed in as { $email } before these pages moved here.
hand-off-confirm-other = Use another account
hand-off-button = Continue

sign-out-heading = Sign out?
sign-out-who = You're signed in as { $email }.
sign-out-clears = This also removes what the app keeps in this browser, even what it has not sent yet.
sign-out-everywhere = This signs this browser out of all apps that it was signed in to here.
sign-out-another = Then you can sign in with another account.
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
error-ambiguous-heading = We can't tell which page this is
error-ambiguous-text = Servers read this address in different ways, and here that makes a difference. Write it plainly, without double slashes, semicolons or encoded letters.
error-head-heading = Your browser sent too much
error-head-text = The address or the cookies of this site are too long. Delete this site's cookies and try again.
error-body-heading = That is too large
error-body-text = What you sent is larger than this address takes. Go back and try something smaller.
error-late-heading = That took too long
error-late-text = What you sent did not arrive in time. Check your connection and try again.
error-method-heading = That can't be done here
error-method-text = This address does not take this kind of request.
error-plain-http-heading = This page needs https
error-plain-http-text = What you sent came unprotected and was not taken. Open the address with https at its beginning and try again.
error-forbidden-heading = You don't have access
error-forbidden-text = Your account can't open this page. If you need it, ask whoever runs this site.
error-forbidden-who = You're signed in as { $email }. This account can't open this page. If you need it, ask whoever runs this site.
error-forbidden-another = Use another account
error-forbidden-ask = Ask for access
error-not-found-heading = There's no page here
error-not-found-text = Check the address for typing mistakes.
error-asked-only-heading = The app is not reached this way
error-asked-only-text = The sign-in service was asked for a page of the app, and has none. The server in front is to send such requests to the app itself; please tell whoever runs it.
error-misdirected-heading = We don't know this address
error-misdirected-text = Nothing is served under this name. Check the address for typing mistakes.
error-too-many-heading = Too many tries
error-too-many-text = Please try again in { $wait }.
error-too-many-later = Please wait a little, then try again.
wait-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
wait-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
wait-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
error-too-many-open-heading = Too much at once
error-too-many-open-text = Too many requests from your network are open. Close other windows of this app, or try again in a moment.
error-no-room-heading = There's no room right now
error-no-room-text = Too many people are using this at once. Try again in a moment.
error-fault-heading = Something went wrong
error-fault-text = It's our fault, not yours. Try again in a moment.
error-upstream-heading = { $app } isn't answering
error-upstream-text = It may be restarting. Try again in a moment.
error-unavailable-heading = Signing in isn't working right now
error-unavailable-text = Try again in a moment. Nothing you did caused this.
error-cookie-heading = Your browser isn't keeping our cookie
error-cookie-text = We need one cookie to know you by. Allow cookies for this site, then try again. If the page was open for a day, trying again is enough.
error-hand-off-heading = We couldn't sign you in here
error-hand-off-text = It took too long, you signed out meanwhile, or it didn't come from our sign-in page. Please sign in again.
error-form-heading = This form can't be used any more
error-form-text = It was open for too long, or in another window. Nothing was changed. Try again with a new one.
error-ended-heading = We can't go on with this
error-ended-text = It took too long, was finished already, or was begun in another browser. Please begin again.
error-ended-again = Begin again

## What the script is told
refusal-unavailable = That isn't working right now. Try again in a moment. Nothing you did caused this.
refusal-unknown-passkey = This passkey was never finished or was removed. Use another one.
refusal-expired-ceremony = That took too long, or it was done already. Press the button again.
refusal-doubted = This passkey can't be used any more: it looks copied or changed. Use another device or another way to get in.
refusal-not-accepted = We couldn't check your device's answer. Use another device or password manager, or find another way to get in.
refusal-email-not-allowed = Accounts here are for certain email addresses only. Use your work address, or ask whoever runs { $app }.
refusal-account-disabled = This account is switched off. Ask whoever runs { $app }.
refusal-rests = This account was recovered lately, and this passkey opens nothing until its owner has looked through the devices. Sign in with it to say whether that was you.
refusal-form = This page can't be used any more: it was open for too long, or you went on in another window. Reload it and try again.
refusal-no-cookie = Your browser sent us no cookie: it keeps none, or this page was open for too long. Reload the page. If that doesn't help, allow cookies for this site.

refusal-wrong-number = { $tries ->
    [one] That is not the number on that screen. { $tries } try left.
   *[other] That is not the number on that screen. { $tries } tries left.
}
refusal-numbers-spent = The number was wrong too often, so this sign-in was closed. Start again on the other device.
refusal-no-link = That code doesn't work. It may be mistyped, used or too old. Check it, or show a new one on the other device.
refusal-link-too-old = That took too long. Start again on the other device.
refusal-link-denied = This sign-in was turned down.
refusal-link-crowded = Too many browsers have opened this code. Show a new code on the other device and use that one.
refusal-link-elsewhere = This was approved with another browser that had opened the code.
refusal-other-network = { $app } only connects devices that it sees at one network address, and it doesn't see these two there. Connect both to the same Wi-Fi, turn off mobile data and any VPN, then try again. If that doesn't help, ask whoever runs { $app }.
refusal-not-approved = Nobody has approved this device yet.
refusal-link-off = Signing in with another device is switched off here. Ask whoever runs { $app }.
refusal-not-signed-in = You're no longer signed in. Sign in, then try again.
refusal-last-passkey = This is your last passkey. Type your email address to remove it.
refusal-email-mismatch = That is not the email address of this account. Check it and try again.
refusal-contested = This passkey opens nothing now: getting back in was stopped with an older passkey, or somebody got back in after you. Get back in once more, or ask whoever runs { $app }.
refusal-contest-ended = This took too long, or it was answered already. Sign in with your passkey again.
refusal-recovery-ended = This took too long, or it was finished already. To begin again, get a new code.
refusal-too-many-passkeys = This account has as many passkeys as it can have. Remove one that you no longer use under My devices first.
refusal-own-address = That is the address of this account already. Type another one.
refusal-changed-lately = The address of this account was changed within the last day, or a change of it was undone. Try again once a day has passed since.
refusal-recovering = Someone is getting back into this account. If My devices shows it, you can stop it there. Otherwise try again once it is over.
refusal-no-passkey = This passkey is no longer there. Reload this page.

## Mails
browser-on-system = { $browser } on { $system }
browser-unknown = Unknown browser
passkey-made-in = made in { $browser }
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
mail-uninvited-subject = New accounts with { $app } are by invitation
mail-uninvited-text = Someone, perhaps you, used this email address to create an account with { $app }. New accounts are by invitation, and there is none for this address, so no account was made. If it was you, ask whoever runs { $app } to invite this address, and start again.
mail-uninvited-ignore = If it wasn't you, ignore this mail. Nothing has happened.
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
mail-recovered-text = Someone got back into your account with { $app } and set up a new passkey. Every other browser was signed out. You can look through your devices:
mail-recovered-ignore = Get back in yourself, or ask whoever runs { $app }. Remove the passkeys you don't know, and check who can read your mail.
mail-cancelled-subject = Getting back into your { $app } account was cancelled
mail-cancelled-text = Someone wanted to get back into your account with { $app }. It was cancelled, and nothing has changed.
mail-contested-subject = Getting back into your { $app } account was contested
mail-contested-text = Someone with an older passkey of your account with { $app } said that getting back in was not them. The new passkey opens nothing now. If that was you, sign in with your passkey and a code sent to this address:
mail-contested-button = Sign in
mail-contested-ignore = If you have only the new passkey, get back in once more: that takes a while then, and your older devices are told. Or ask whoever runs { $app }.
mail-tried-subject = Many codes were tried for your { $app } account
mail-tried-text = Codes for getting back into your account with { $app } were tried many times today. Until tomorrow, the codes we mail are longer, so that nobody can guess them. Nobody is kept out by this, and your passkeys work as before. You can look through your devices:
mail-tried-ignore = If that wasn't you, there is nothing you need to do. Give no code to anyone: we never ask for one.
mail-operator-subject = Someone wants to get back into your { $app } account
mail-operator-text = Someone, perhaps you, asked for a code to get back into your account with { $app }. You look after { $app }, so no code is sent by mail. If it was you, ask whoever runs { $app }, or another administrator, for a code. Enter it on the page that asks for one. You can look through your devices:
mail-operator-ignore = If it wasn't you, ignore this mail. Nothing has happened.
mail-undone-subject = Getting back into your { $app } account was undone
mail-undone-text = Someone signed in to your account with { $app } with an older passkey and a code sent to this address. The passkey that was made to get back in was removed. You can look through your devices:
mail-address-text = Enter this code to make this the email address of your account with { $app }:
mail-address-ignore = If you didn't ask for this, ignore this mail, and give the code to nobody. Without it, nothing happens.
mail-wanted-subject = Someone wanted to use your email address with { $app }
mail-wanted-text = Someone with another account wanted to make this its email address with { $app }. The address belongs to your account, so nothing has changed. You can look through your devices:
mail-wanted-ignore = If it wasn't you, ignore this mail. Nothing has happened.
mail-kept-subject = This email address is kept with { $app } for a day
mail-kept-text = Someone, perhaps you, wanted to use this email address with { $app }. It belonged to an account until lately and is kept for it for a day, in case that is undone. So nothing was changed. If it was you, try again tomorrow. If the account is yours, your passkey still opens it:
mail-moved-away-subject = The email address of your { $app } account was changed
mail-moved-away-text = Your account with { $app } has another email address from now on, and this one no longer signs in to it. It was confirmed with a passkey of the account. If that was you, all is well. If it wasn't, undo it by { $until }:
mail-moved-away-button = Undo the change
mail-moved-away-ignore = Undo the change with the link above. Then get back in, and remove the passkeys you don't know.
mail-restored-subject = The change of your { $app } email address was undone
mail-restored-text = The account with { $app } has its earlier email address again, and every browser was signed out. It was done with the link that we sent there. You can look through the devices:
mail-restored-ignore = Sign in or get back in with the earlier address, or ask whoever runs { $app }. Check who can read its mail.
mail-deleted-subject = Your { $app } account was deleted
mail-deleted-text = Your account with { $app } was deleted, with its passkeys and everything we kept of it. It was confirmed with a passkey of the account, and it can't be undone. What was kept in the apps is not part of it.
mail-deleted-button = Open { $app }
mail-deleted-ignore = Ask whoever runs { $app } for help, and check who can use your devices.
mail-added-subject = A passkey was added to your { $app } account
mail-added-text = A passkey ({ $passkey }) was added to your account with { $app }. If that was you, all is well. Otherwise remove it on this page:
mail-more-added-subject = More passkeys were added to your { $app } account
mail-more-added-text = Within ten minutes of the passkey that we wrote to you about, more were added to your account with { $app }. If that was you, all is well. Otherwise remove them on this page:
mail-removed-subject = A passkey was removed from your { $app } account
mail-removed-text = A passkey ({ $passkey }) was removed from your account with { $app }. It can no longer be used to sign in. You can look through your devices:
mail-copied-subject = Someone may have copied a passkey of your { $app } account
mail-copied-text = A passkey ({ $passkey }) of your account with { $app } was refused: it looks as if there were two of it. If you have another passkey, sign in with that and remove this one:
mail-copied-ignore = Remove the passkey, and make a new one.
mail-moved-subject = A passkey of your { $app } account seems to have moved
mail-moved-text = Someone signed in to your account with { $app } with a passkey ({ $passkey }) that seems to have been moved to another password manager or device. If that was you, all is well. Otherwise remove it on this page:
mail-devices-button = My devices
mail-undo-ignore = Sign in on the page above and remove what you don't know. It asks for your passkey.
mail-trial-subject = A test mail from { $app }
mail-trial-text = Mail from { $app } arrives. Codes are sent the same way. There is nothing you need to do.
mail-trial-ignore = Whoever runs { $app } typed this address to see whether mail arrives. Ignore this mail.
