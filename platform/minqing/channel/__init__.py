"""The people's channel (民情通道): reports word for word, cases, referral, receipts."""
